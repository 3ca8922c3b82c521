#include "pam_module/notices.h"

#include <algorithm>
#include <cstdlib>

#include "pam_module/outcome.h"

namespace totp {
namespace {

constexpr std::size_t few_recovery_codes = 3;
constexpr int steps_that_are_much = 4;  // two minutes, for most devices

/// 0: never.
UnixTime last_login(const LoginState& state) {
    UnixTime last = 0;
    for (const auto& place : state.places) last = std::max(last, place.last_login);
    return last;
}

Sentence list_of(const Changes& changes) {
    Sentence list;
    for (const auto& [is_so, what] : {std::pair(changes.added_device, tr("a device was added")),
                                      std::pair(changes.removed_device, tr("a device was removed")),
                                      std::pair(changes.renewed_recovery, tr("recovery codes were made"))}) {
        if (is_so) list = list.empty() ? what : tr("%1, %2", {list, what});
    }
    return list;
}

void tell_changes(const LoginState& state, std::vector<Sentence>& notices) {
    if (!state.changes) return;
    notices.push_back(
        tr("Since your last login, until %1: %2. If that wasn't you, tell your administrator; totp-enroll "
           "status shows what is enrolled.",
           {moment(state.changes->last), list_of(*state.changes)}));
}

/// Within the second of the last login it may have come after it: rather told twice than not at all.
void tell_failures(const SideState& side, UnixTime since, UnixTime now, std::vector<Sentence>& notices) {
    if (side.failures == 0 || side.last_failure < since || side.last_failure > now) return;
    notices.push_back(tr_n(
        "A wrong code was typed for your account, the last on %2 from %3. If that wasn't you, somebody "
        "knows your password; change it.",
        "%1 wrong codes were typed for your account, the last on %2 from %3. If that wasn't you, somebody "
        "knows your password; change it.",
        side.failures, {moment(side.last_failure), side.from}));
}

void tell_recovery_codes(const Enrolment& enrolment, const Decision& decision, UnixTime now,
                         std::vector<Sentence>& notices) {
    const bool was_used = decision.device == recovery_device;
    const auto left = recovery_codes_left(enrolment, decision.next, now);
    const bool is_worth_telling = was_used || (!enrolment.recovery.empty() && left <= few_recovery_codes);
    if (!is_worth_telling) return;
    const auto count = static_cast<std::int64_t>(left);
    notices.push_back(
        was_used
            ? tr_n("That was a recovery code. %1 recovery code is left; totp-enroll recovery makes new "
                   "ones.",
                   "That was a recovery code. %1 recovery codes are left; totp-enroll recovery makes new "
                   "ones.",
                   count)
            : tr_n("%1 recovery code is left; totp-enroll recovery makes new ones.",
                   "%1 recovery codes are left; totp-enroll recovery makes new ones.", count));
}

void tell_drift(const Enrolment& enrolment, const Decision& decision, std::vector<Sentence>& notices) {
    const auto* device = enrolment.device_named(decision.device);
    if (device == nullptr || std::abs(decision.drift) < steps_that_are_much) return;
    const auto seconds = std::abs(decision.drift) * device->credential.period;
    notices.push_back(decision.drift > 0 ? tr("The clock of %1 is about %2 s ahead of this machine's: set "
                                              "the one that is wrong, before codes "
                                              "are refused.",
                                              {device->name, seconds})
                                         : tr("The clock of %1 is about %2 s behind this machine's: set the "
                                              "one that is wrong, before codes "
                                              "are refused.",
                                              {device->name, seconds}));
}

}  // namespace

std::vector<Sentence> notices_of(const Enrolment& enrolment, const LoginState& before,
                                 const Decision& decision, UnixTime now) {
    std::vector<Sentence> notices;
    tell_changes(decision.next, notices);
    for (const auto* side : {&before.known, &before.elsewhere}) {
        tell_failures(*side, last_login(before), now, notices);
    }
    tell_recovery_codes(enrolment, decision, now, notices);
    tell_drift(enrolment, decision, notices);
    return notices;
}

}  // namespace totp
