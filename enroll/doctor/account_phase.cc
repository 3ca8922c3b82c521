#include "enroll/doctor/account_phase.h"

#include "enroll/doctor/blame.h"
#include "enroll/doctor/stack_prover.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

/// In the service's own file, if the auth line stands there too.
FileLine end_of(const Stack& account, const StackLine& auth_line) {
    return auth_line.stands_in_service() ? account.back().in_service : account.back().place;
}

void note_missing(const Stack& account, const StackLine& auth_line, const std::string& wanted,
                  Examination& result) {
    result.add(Severity::fault, "account_missing",
               tr("who has still to enrol gets in nowhere: unenrolled=enrol needs our module in the account "
                  "phase too"),
               auth_line.place,
               account.empty()
                   ? tr("add the line %1", {wanted})
                   : tr("add the line %1 after %2", {wanted, text_of(end_of(account, auth_line))}));
}

}  // namespace

void examine_account_phase(const Surroundings& surroundings, const ServiceStacks& stacks,
                           const StackLine& auth_line, LineExaminer& lines, Examination& result) {
    const auto& account = stacks[Phase::account];
    const auto wanted = written(Phase::account, "required", auth_line);
    const auto ours = lines.lines_of_ours(Phase::account);
    if (ours.empty()) return note_missing(account, auth_line, wanted, result);
    for (const auto& line : ours) {
        if (line.is_usable && unenrolled_at(line.settings, surroundings.now) != Unenrolled::enrol) {
            result.add(Severity::fault, "account_arguments",
                       tr("the account line has other arguments than the auth line"),
                       account[line.index].place, tr("write %1 in its place", {wanted}));
        }
    }
    const auto players_if = [&](const Assumption& assumption) {
        return players_of(surroundings.pam, account, Phase::account, ours, assumption, surroundings.now);
    };
    const auto way = find_way(account, players_if({.is_code_given = false}), players_if(anything));
    if (!way) return;
    add_way(result, way->condition ? Severity::warning : Severity::fault, account, *way, "account_bypass",
            tr("who has still to enrol may never come to our account line, and then gets in nowhere"),
            tr("move the line %1 before %2", {wanted, text_of(account[blamed_line(account, *way)].place)}));
}

}  // namespace totp
