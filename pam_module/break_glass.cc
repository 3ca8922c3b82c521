#include "pam_module/break_glass.h"

#include <algorithm>

#include <unistd.h>

#include "core/emergency_codes.h"
#include "core/recovery.h"
#include "pam_module/decide.h"

namespace totp {
namespace {

/// Nothing; or why the codes in the store don't count.
std::optional<std::string> obstacle_in(Store& store, const Account& account) {
    const auto held = store.hold(account, HoldFor::login);
    if (!held) return held.failure().message.english();
    if ((*held)->enrolment() && is_for_emergencies(*(*held)->enrolment())) return std::nullopt;
    return "break_glass names an account that has no codes of this machine: totp-enroll recovery --local "
           "makes them";
}

}  // namespace

bool has_break_glass(const Settings& settings, const std::optional<Account>& account) {
    return settings.engine != Engine::files && geteuid() == 0 && account &&
           std::ranges::count(settings.break_glass, account->name) > 0;
}

bool opens_break_glass(const Outcome& outcome) {
    return outcome.is_by_helper && outcome.verdict == Verdict::unavailable &&
           outcome.reason != Reason::settings;
}

Outcome by_break_glass(Outcome unavailable, Store& store, const Settings& settings,
                       const std::optional<Account>& account, const Attempt& attempt) {
    if (!has_break_glass(settings, account) || !normalized_recovery_code(attempt.response)) return unavailable;
    if (const auto obstacle = obstacle_in(store, *account)) {
        unavailable.explanation = *obstacle;
        return unavailable;
    }
    auto outcome = decide(store, settings, account, attempt, Telling::nothing);
    if (outcome.explanation.empty()) {
        outcome.explanation =
            "while the database can't be used, the account's recovery codes of this machine count";
    }
    return outcome;
}

}  // namespace totp
