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

std::string list_of(const Changes& changes) {
    std::string list;
    for (const auto& [is_so, what] : {std::pair(changes.added_device, "a device was added"),
                                      std::pair(changes.removed_device, "a device was removed"),
                                      std::pair(changes.renewed_recovery, "recovery codes were made")}) {
        if (is_so) list += (list.empty() ? "" : ", ") + std::string(what);
    }
    return list;
}

void tell_changes(const LoginState& state, std::vector<std::string>& notices) {
    if (!state.changes) return;
    notices.push_back(
        "Since your last login, until " + moment(state.changes->last) + ": " + list_of(*state.changes) +
        ". If that wasn't you, tell your administrator; totp-enroll status shows what is enrolled.");
}

/// Within the second of the last login it may have come after it: rather told twice than not at all.
void tell_failures(const SideState& side, UnixTime since, UnixTime now, std::vector<std::string>& notices) {
    if (side.failures == 0 || side.last_failure < since || side.last_failure > now) return;
    const auto codes = side.failures == 1 ? std::string("A wrong code was")
                                          : std::to_string(side.failures) + " wrong codes were";
    notices.push_back(codes + " typed for your account, the last on " + moment(side.last_failure) + " from " +
                      side.from + ". If that wasn't you, somebody knows your password; change it.");
}

void tell_recovery_codes(const Enrolment& enrolment, const Decision& decision, UnixTime now,
                         std::vector<std::string>& notices) {
    const bool was_used = decision.device == recovery_device;
    const auto left = recovery_codes_left(enrolment, decision.next, now);
    const bool is_worth_telling = was_used || (!enrolment.recovery.empty() && left <= few_recovery_codes);
    if (!is_worth_telling) return;
    notices.push_back((was_used ? "That was a recovery code. " : "") + std::to_string(left) +
                      (left == 1 ? " recovery code is" : " recovery codes are") +
                      " left; totp-enroll recovery makes new ones.");
}

void tell_drift(const Enrolment& enrolment, const Decision& decision, std::vector<std::string>& notices) {
    const auto* device = enrolment.device_named(decision.device);
    if (device == nullptr || std::abs(decision.drift) < steps_that_are_much) return;
    notices.push_back("The clock of " + device->name + " is about " +
                      std::to_string(std::abs(decision.drift) * device->credential.period) + " s " +
                      (decision.drift > 0 ? "ahead of" : "behind") +
                      " this machine's: set the one that is wrong, before codes are refused.");
}

}  // namespace

std::vector<std::string> notices_of(const Enrolment& enrolment, const LoginState& before,
                                    const Decision& decision, UnixTime now) {
    std::vector<std::string> notices;
    tell_changes(decision.next, notices);
    for (const auto* side : {&before.known, &before.elsewhere}) {
        tell_failures(*side, last_login(before), now, notices);
    }
    tell_recovery_codes(enrolment, decision, now, notices);
    tell_drift(enrolment, decision, notices);
    return notices;
}

}  // namespace totp
