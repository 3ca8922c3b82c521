#include "enroll/doctor/doors.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/doctor/many.h"

namespace totp {
namespace {

bool is_same_path(const std::filesystem::path& one, const std::filesystem::path& other) {
    return (one / "").lexically_normal() == (other / "").lexically_normal();
}

bool are_of_one_store(const Settings& one, const Settings& other) {
    return is_same_path(one.store, other.store) && is_same_path(one.key, other.key) &&
           is_same_path(one.state_directory(), other.state_directory());
}

using OfLine = std::function<bool(const Settings& line)>;

/// The services with a line of ours of which that is so.
std::vector<std::string> services_where(const std::vector<Door>& doors, const OfLine& is_so) {
    std::vector<std::string> services;
    for (const auto& door : doors) {
        if (std::ranges::any_of(door.settings, is_so)) services.push_back(door.service);
    }
    return services;
}

CheckFinding in_database(const std::vector<std::string>& services, const ExaminedAccounts& examined) {
    CheckFinding finding{Severity::remark, "in_database", tr("accounts")};
    finding.sentence =
        tr("those that get in by %1 are in a database, and how they stand isn't looked at here",
           {names_in_words(services)});
    if (examined.settings.engine != Engine::files)
        finding.change = tr("%1, on an administrator's host", {"totp-enroll status --all"});
    return finding;
}

/// No option says where login states are: that has to come by a file.
Sentence check_of(const Settings& line, const Settings& examined) {
    const bool has_its_states =
        line.state.empty() || (line.file == examined.file && line.state == examined.state);
    if (!has_its_states) {
        return tr("%1, where FILE, which is root's, says store = %2, key = %3 and state = %4",
                  {"totp-enroll check --config FILE", printable(line.store), printable(line.key),
                   printable(line.state)});
    }
    std::vector<std::string> options = {"--store", line.store, "--key", line.key};
    if (!line.file.empty()) options.insert(options.begin(), {"--config", line.file});
    return command_line("totp-enroll check", options);
}

CheckFinding in_other_store(const std::vector<std::string>& services, const Settings& line,
                            const ExaminedAccounts& examined) {
    CheckFinding finding{Severity::remark, "other_store", tr("accounts")};
    finding.sentence =
        tr("those that get in by %1 are in the store %2 (login states in %3, under the key %4), which isn't "
           "looked at here",
           {names_in_words(services), printable(line.store), printable(line.state_directory()),
            printable(line.key)});
    finding.change = check_of(line, examined.settings);
    return finding;
}

}  // namespace

bool is_about(const Settings& line, const Settings& examined) {
    return line.engine == Engine::files && are_of_one_store(line, examined);
}

std::vector<CheckFinding> judge_doors(const std::vector<Door>& doors, const ExaminedAccounts& examined) {
    std::vector<CheckFinding> findings;
    const auto of_database =
        services_where(doors, [](const Settings& line) { return line.engine != Engine::files; });
    if (!of_database.empty()) findings.push_back(in_database(of_database, examined));
    std::vector<Settings> told;
    for (const auto& door : doors) {
        for (const auto& line : door.settings) {
            const auto is_of_its_store = [&](const Settings& each) { return is_about(each, line); };
            if (line.engine != Engine::files || is_about(line, examined.settings) ||
                std::ranges::any_of(told, is_of_its_store)) {
                continue;
            }
            told.push_back(line);
            findings.push_back(in_other_store(services_where(doors, is_of_its_store), line, examined));
        }
    }
    return findings;
}

}  // namespace totp
