#include "pam_module/decide.h"

#include <ctime>

#include "core/known_places.h"
#include "pam_module/advice.h"
#include "pam_module/notices.h"

namespace totp {
namespace {

/// Commits first and reports second.
Outcome decide_held(HeldAccount& held, const Settings& settings, const Attempt& attempt, Telling telling) {
    const auto& enrolment = *held.enrolment();
    const auto& state = held.state();
    auto decision = verify(enrolment, state, settings.policy, attempt);
    auto outcome = outcome_of(decision, attempt.now);
    if (telling == Telling::notices && is_let_in(outcome)) {
        outcome.notices = notices_of(enrolment, state, decision, attempt.now);
        decision.next.changes.reset();
    }
    if (outcome.reason == Reason::wrong || outcome.reason == Reason::replayed)
        outcome.explanation = advice_about_clock(enrolment, state, settings.policy, attempt.now);
    if (!decision.must_be_committed) return outcome;
    const auto committed = held.commit(std::move(decision.next));
    return committed ? outcome : outcome_of(committed.failure());
}

/// Of what is decided nothing is used: whether a code was right, by chance, changes nothing.
Outcome refused_as_slowly(Store& store, const Settings& settings, const Attempt& attempt, Reason reason) {
    Outcome refused{.verdict = Verdict::refused, .reason = reason};
    const auto nobody = store.hold({}, HoldFor::pretence);
    if (!nobody) return refused;
    auto decision = verify(*(*nobody)->enrolment(), (*nobody)->state(), settings.policy, attempt);
    if (!decision.must_be_committed) return refused;
    const auto committed = (*nobody)->commit(std::move(decision.next));
    return committed ? refused : outcome_of(committed.failure());
}

}  // namespace

Outcome decide(Store& store, const Settings& settings, const std::optional<Account>& account,
               const Attempt& attempt, Telling telling) {
    if (!account) return refused_as_slowly(store, settings, attempt, Reason::unknown_user);
    const auto held = hold_by_settings(store, *account, HoldFor::login, settings.missing_state, attempt.now);
    if (!held) return outcome_of(held.failure());
    if (!(*held)->enrolment()) return refused_as_slowly(store, settings, attempt, Reason::unenrolled);
    return decide_held(**held, settings, attempt, telling);
}

bool is_remembered(Store& store, const Settings& settings, const Account& account,
                   std::string_view remote_host) {
    if (settings.policy.remember == 0 || remote_host.empty()) return false;
    const auto held = store.hold(account, HoldFor::login);
    return held && (*held)->enrolment() &&
           remembered_until((*held)->state(), settings.policy, remote_place(remote_host),
                            interface_id_of(remote_host), current_time());
}

UnixTime current_time() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

}  // namespace totp
