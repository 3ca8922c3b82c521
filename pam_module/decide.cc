#include "pam_module/decide.h"

#include <ctime>

#include "pam_module/notices.h"

namespace totp {
namespace {

/// Commits first and reports second.
Outcome decide_held(HeldAccount& held, const Settings& settings, const Attempt& attempt, Telling telling) {
    const auto& enrolment = *held.enrolment();
    auto state = held.state();
    if (settings.missing_state == MissingState::start_anew) {
        state = with_lost_devices_restarted(std::move(state), enrolment, attempt.now);
    }
    auto decision = verify(enrolment, state, settings.policy, attempt);
    auto outcome = outcome_of(decision, attempt.now);
    if (telling == Telling::notices && is_let_in(outcome)) {
        outcome.notices = notices_of(enrolment, state, decision, attempt.now);
        decision.next.changes.reset();
    }
    if (!decision.must_be_committed) return outcome;
    const auto committed = held.commit(std::move(decision.next));
    return committed ? outcome : outcome_of(committed.failure());
}

}  // namespace

Outcome decide(Store& store, const Settings& settings, const Account& account, const Attempt& attempt,
               Telling telling) {
    const bool may_start_anew = settings.missing_state == MissingState::start_anew;
    const auto held = store.hold(account, may_start_anew ? HoldFor::login_without_state : HoldFor::login);
    if (!held) return outcome_of(held.failure());
    if (!(*held)->enrolment()) return {.verdict = Verdict::refused, .reason = Reason::unenrolled};
    return decide_held(**held, settings, attempt, telling);
}

UnixTime current_time() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

}  // namespace totp
