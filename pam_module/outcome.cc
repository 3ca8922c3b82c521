#include "pam_module/outcome.h"

#include <ctime>

#include <security/pam_modules.h>
#include <syslog.h>

#include "core/percent.h"
#include "core/throttle.h"

namespace totp {
namespace {

Reason reason_for(Trouble trouble) {
    switch (trouble) {
        case Trouble::settings: return Reason::settings;
        case Trouble::key: return Reason::key;
        case Trouble::store:
        case Trouble::input:
        case Trouble::caller:
        case Trouble::system: return Reason::store;
    }
    return Reason::store;
}

}  // namespace

Outcome outcome_of(const Decision& decision, UnixTime now) {
    Outcome outcome{.verdict = decision.verdict,
                    .reason = decision.reason,
                    .device = decision.device,
                    .drift = decision.drift,
                    .password_size = decision.password_size,
                    .failures = decision.failures};
    if (decision.retry_at) outcome.retry_in = *decision.retry_at - now;
    return outcome;
}

Outcome outcome_of_passing_before() { return {.verdict = Verdict::accepted}; }

Outcome outcome_of_remembered_host() {
    return {.verdict = Verdict::accepted,
            .explanation =
                "no code was asked for: the last login with one from this very address isn't longer "
                "ago than the setting remember says"};
}

Outcome outcome_of(const Failure& failure) {
    return {.verdict = Verdict::unavailable,
            .reason = reason_for(failure.trouble),
            .explanation = failure.message.english()};
}

bool is_let_in(const Outcome& outcome) { return outcome.verdict == Verdict::accepted; }

int pam_code(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted: return PAM_SUCCESS;
        case Verdict::refused: return PAM_AUTH_ERR;
        case Verdict::throttled: return PAM_MAXTRIES;
        case Verdict::ignored: return PAM_IGNORE;
        case Verdict::unavailable: return PAM_AUTHINFO_UNAVAIL;
    }
    return PAM_SYSTEM_ERR;
}

std::string log_line(const Attempted& attempted, const Outcome& outcome) {
    return words_of(attempted) + " " + words_of(outcome);
}

std::string words_of(const Attempted& attempted) {
    return log_word("user", attempted.user) + " " + log_word("service", attempted.service) + " " +
           log_word("rhost", attempted.remote_host);
}

std::string words_of(const Outcome& outcome) {
    auto line = log_word("verdict", word_for(outcome.verdict));
    if (outcome.reason != Reason::none) line += " " + log_word("reason", word_for(outcome.reason));
    if (!outcome.device.empty()) {
        line +=
            " " + log_word("device", outcome.device) + " " + log_word("drift", std::to_string(outcome.drift));
    }
    if (outcome.failures) line += " " + log_word("failures", std::to_string(*outcome.failures));
    return line;
}

int log_priority(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
        case Verdict::ignored: return LOG_INFO;
        case Verdict::refused:
        case Verdict::throttled: return LOG_NOTICE;
        case Verdict::unavailable: return LOG_ERR;
    }
    return LOG_ERR;
}

std::string moment(UnixTime time) {
    std::tm utc{};
    gmtime_r(&time, &utc);
    char text[sizeof "9999-12-31 23:59 UTC"];
    const auto size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
    return {text, size};
}

Sentence message_for(const Outcome& outcome) {
    if (outcome.verdict == Verdict::unavailable) {
        return tr("The code can't be checked. The administrator finds the reason in the system log.");
    }
    return outcome.verdict == Verdict::throttled ? told_to_wait(outcome.retry_in) : Sentence();
}

}  // namespace totp
