#include "enroll/doctor/program_facts.h"

#include <algorithm>
#include <filesystem>

#include <grp.h>

namespace totp {
namespace {

/// One may be named in two ways.
void look_at_modules(const PamPlaces& places, const std::set<std::string>& names, ProgramFacts& facts) {
    for (const auto& name : names) {
        const auto path = find_module(places, name);
        if (!path) {
            facts.lacks_module |= !name.starts_with('/');
            continue;
        }
        const bool is_seen = std::ranges::any_of(facts.modules, [&](const SeenFile& seen) {
            std::error_code ignored;
            return std::filesystem::equivalent(seen.path, *path, ignored);
        });
        if (!is_seen) facts.modules.push_back(see_file(*path, Links::followed));
    }
}

}  // namespace

std::optional<gid_t> group_named(const char* name) {
    const auto* entry = getgrnam(name);
    return entry != nullptr ? std::optional(entry->gr_gid) : std::nullopt;
}

ProgramFacts look_at_programs(const PamPlaces& places, const Needs& needs) {
    std::error_code ignored;
    ProgramFacts facts;
    facts.totp_enroll = see_file(std::filesystem::read_symlink("/proc/self/exe", ignored), Links::followed);
    facts.totp_check = see_file(PAM_TOTP_CHECK, Links::followed);
    facts.totp_check_any = see_file(PAM_TOTP_CHECK_ANY, Links::followed);
    facts.totp_check_postgresql = see_file(PAM_TOTP_CHECK_POSTGRESQL, Links::followed);
    facts.totp_person_postgresql = see_file(PAM_TOTP_PERSON_POSTGRESQL, Links::followed);
    facts.totp_administer_postgresql = see_file(PAM_TOTP_ADMINISTER_POSTGRESQL, Links::followed);
    facts.asks_database = needs.asks_database;
    facts.group = group_named(store_group);
    facts.verifiers = group_named(verifier_group);
    look_at_modules(places, needs.modules, facts);
    facts.module_directories = places.modules;
    return facts;
}

}  // namespace totp
