#include "enroll/doctor/account_phase.h"

#include <algorithm>
#include <span>

#include <security/pam_appl.h>

#include "enroll/doctor/blame.h"
#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/stack_prover.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

/// Where a password has expired the account phase ends there, as by pam_unix in Debian's common-account.
bool ends_at_expired_password(const StackLine& line) {
    return line.kind == StackLine::Kind::module && line.level == 0 &&
           line.action_on(PAM_NEW_AUTHTOK_REQD).verb == Verb::done &&
           facts_of_line(line, Phase::account).proves;
}

/// In the service's own file, if `ours` stands there too.
std::string place_near(const StackLine& ours, const StackLine& line) {
    return text_of(ours.stands_in_service() ? line.in_service : line.place);
}

Sentence addition(const Stack& account, const std::string& wanted, const StackLine& auth_line) {
    if (account.empty()) return tr("add the line %1", {wanted});
    const auto early = std::ranges::find_if(account, ends_at_expired_password);
    return early == account.end()
               ? tr("add the line %1 after %2", {wanted, place_near(auth_line, account.back())})
               : tr("add the line %1 before %2", {wanted, place_near(auth_line, *early)});
}

void note_missing(const Stack& account, const StackLine& auth_line, const std::string& wanted,
                  Examination& result) {
    result.add(Severity::fault, "account_missing",
               tr("who has still to enrol gets in nowhere: unenrolled=enrol needs our module in the account "
                  "phase too"),
               auth_line.place, addition(account, wanted, auth_line));
}

/// Who is to change an expired password comes to no line behind the one that says so.
void note_expired_passwords(const Stack& account, const OurLine& ours, const std::string& wanted,
                            Examination& result) {
    const auto before = std::span(account).first(ours.index);
    const auto early = std::ranges::find_if(before, ends_at_expired_password);
    if (early == before.end()) return;
    result.add(Severity::warning, "account_expired",
               tr("who has still to enrol, and whose password has expired, is turned away once they "
                  "have changed it, and enrols at the login after that"),
               early->place,
               tr("move the line %1 before %2", {wanted, place_near(account[ours.index], *early)}));
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
    const auto way = find_way(account, players_if({.is_code_given = false}), players_if(as_meant));
    if (!way) return note_expired_passwords(account, ours.front(), wanted, result);
    add_way(result, way->condition ? Severity::warning : Severity::fault, account, *way, "account_bypass",
            tr("who has still to enrol may never come to our account line, and then gets in nowhere"),
            tr("move the line %1 before %2", {wanted, text_of(account[blamed_line(account, *way)].place)}));
}

}  // namespace totp
