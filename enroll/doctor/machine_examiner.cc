#include "enroll/doctor/machine_examiner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "enroll/doctor/clock_judgement.h"
#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/program_judgement.h"
#include "enroll/doctor/store_judgement.h"

namespace totp {
namespace {

void append(std::vector<CheckFinding>& findings, std::vector<CheckFinding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
}

bool asks_database(const Door& door) {
    return std::ranges::any_of(door.settings,
                               [](const Settings& line) { return line.engine != Engine::files; });
}

Needs needs_of(const std::vector<Door>& doors) {
    Needs needs{.modules = {}, .asks_database = std::ranges::any_of(doors, asks_database)};
    for (const auto& door : doors) needs.modules.insert(door.modules.begin(), door.modules.end());
    if (needs.modules.empty()) needs.modules.emplace(our_module);
    return needs;
}

std::vector<CheckFinding> examine_what_anybody_sees(const PamPlaces& pam, const std::vector<Door>& doors) {
    auto findings = judge_programs(look_at_programs(pam, needs_of(doors)));
    append(findings, judge_clock(is_clock_synchronised()));
    return findings;
}

/// What is wrong with all of it would be told of each account again.
bool can_be_surveyed(const std::vector<CheckFinding>& of_store) {
    for (const auto& finding : of_store) {
        if (finding.severity == Severity::fault && finding.kind != "record_flaw" &&
            finding.kind != "read_only" && finding.kind != "network" && finding.kind != "directory_group" &&
            finding.kind != "key_group") {
            return false;
        }
    }
    return true;
}

/// An account whose record was found wrong on disk has been told of.
void leave_out_those_told_of(std::vector<AccountFacts>& accounts, const std::vector<CheckFinding>& of_store) {
    for (const auto& finding : of_store) {
        if (finding.kind != "record_flaw") continue;
        std::erase_if(accounts, [&](const AccountFacts& account) {
            return std::ranges::binary_search(finding.accounts, account.name);
        });
    }
}

}  // namespace

std::vector<CheckFinding> examine_machine_for_anybody(const PamPlaces& pam, const std::vector<Door>& doors) {
    auto findings = examine_what_anybody_sees(pam, doors);
    findings.push_back({Severity::remark,
                        "for_root",
                        tr("store and accounts"),
                        tr("only root is told how they stand"),
                        {},
                        "sudo totp-enroll check"});
    return findings;
}

std::vector<CheckFinding> examine_machine_for_root(const PamPlaces& pam, const ExaminedAccounts& examined,
                                                   const FileStorePlaces& places,
                                                   const std::vector<Door>& doors, UnixTime now,
                                                   std::string (*time_text)(UnixTime)) {
    const auto& settings = examined.settings;
    auto findings = examine_what_anybody_sees(pam, doors);
    append(findings, judge_doors(doors, examined));
    auto known = KnownAccounts::read();
    const auto uid_of = [&](const std::string& name) { return known.uid_of(name); };
    auto of_store = judge_store(look_at_store(places, settings.missing_state, now, uid_of), examined.options);
    if (!can_be_surveyed(of_store)) {
        append(findings, std::move(of_store));
        return findings;
    }
    auto accounts = look_at_accounts(places, settings, known, now);
    if (accounts) leave_out_those_told_of(*accounts, of_store);
    append(findings, std::move(of_store));
    if (accounts) {
        append(findings, judge_accounts(*std::move(accounts), doors, now, time_text, examined));
    } else {
        findings.push_back({Severity::fault, "unusable", tr("accounts"), accounts.failure().message});
    }
    return findings;
}

}  // namespace totp
