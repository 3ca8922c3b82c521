#include "enroll/doctor/program_facts.h"

#include <filesystem>

#include <grp.h>

#include "enroll/doctor/known_modules.h"

namespace totp {

std::optional<gid_t> group_named(const char* name) {
    const auto* entry = getgrnam(name);
    return entry != nullptr ? std::optional(entry->gr_gid) : std::nullopt;
}

ProgramFacts look_at_programs(const PamPlaces& places, bool asks_database) {
    std::error_code ignored;
    ProgramFacts facts;
    facts.totp_enroll = see_file(std::filesystem::read_symlink("/proc/self/exe", ignored), Links::followed);
    facts.totp_check = see_file(PAM_TOTP_CHECK, Links::followed);
    facts.totp_check_any = see_file(PAM_TOTP_CHECK_ANY, Links::followed);
    facts.totp_check_postgresql = see_file(PAM_TOTP_CHECK_POSTGRESQL, Links::followed);
    facts.totp_person_postgresql = see_file(PAM_TOTP_PERSON_POSTGRESQL, Links::followed);
    facts.totp_administer_postgresql = see_file(PAM_TOTP_ADMINISTER_POSTGRESQL, Links::followed);
    facts.asks_database = asks_database;
    facts.group = group_named(store_group);
    facts.verifiers = group_named(verifier_group);
    if (const auto module = find_module(places, std::string(our_module)))
        facts.module = see_file(*module, Links::followed);
    facts.module_directories = places.modules;
    return facts;
}

}  // namespace totp
