#include "core/verifier.h"

#include <algorithm>

#include "core/decimal.h"
#include "core/known_places.h"
#include "core/one_field.h"
#include "core/throttle.h"

namespace totp {
namespace {

constexpr std::string_view sshd_dummy = "\b\n\r\177";  // what sshd answers for users it won't let in

// ---- what was typed

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_empty(std::string_view response) { return std::ranges::all_of(response, is_blank); }

/// What of the response may be the code: all of it, or the ends of one field.
std::vector<Split> readings_of(const Attempt& attempt, const Enrolment& enrolment) {
    if (attempt.is_one_field) return splits(attempt.response, enrolment);
    return {{.password = "", .code = attempt.response}};
}

/// Begins like sshd's dummy, or is cut short of it.
bool is_sshd_dummy(std::string_view response) {
    const auto shared = std::min(response.size(), sshd_dummy.size());
    return shared > 0 && response.substr(0, shared) == sshd_dummy.substr(0, shared);
}

// ---- which counters are right

/// From `before` below `centre` to `after` above it; no counter is below 0.
CounterRange around(Counter centre, int before, int after) {
    const auto reach = static_cast<Counter>(before);
    return {centre > reach ? centre - reach : 0, centre + static_cast<Counter>(after)};
}

Counter shifted(Counter step, int drift) {
    const auto moved = static_cast<std::int64_t>(step) + drift;
    return moved > 0 ? static_cast<Counter>(moved) : 0;
}

int limited_drift(std::int64_t drift, const Policy& policy) {
    return static_cast<int>(std::clamp<std::int64_t>(drift, -policy.max_drift, policy.max_drift));
}

/// One device at one moment: which counters are right, and how many of them a guess could hit.
struct Expectation {
    CounterRange window;
    CounterRange vicinity;
    int codes = 0;
};

Expectation expectation(const Credential& credential, const DeviceState& device, const Policy& policy,
                        UnixTime now) {
    if (credential.type == CredentialType::hotp) {
        return {around(*device.next, policy.hotp_look_ahead, policy.hotp_look_ahead),
                around(*device.next, 0, policy.resync_window), policy.hotp_look_ahead + 1};
    }
    const auto step = time_step(now, credential.period);
    return {around(shifted(step, limited_drift(device.drift, policy)), policy.window, policy.window),
            around(step, policy.resync_window, policy.resync_window), 2 * policy.window + 1};
}

/// All ones if the codes are equal, else all zeros, without a branch on either.
Counter equality_mask(std::uint32_t left, std::uint32_t right) {
    const std::uint64_t difference = left ^ right;
    return static_cast<Counter>(0) - ((difference - 1) >> 63);
}

/// A counter that is chosen without a branch on whether it is.
struct Choice {
    Counter counter = 0;
    Counter mask = 0;

    void take(Counter candidate, Counter candidate_mask) {
        counter = (candidate & candidate_mask) | (counter & ~candidate_mask);
        mask |= candidate_mask;
    }
    std::optional<Counter> chosen() const { return mask != 0 ? std::optional(counter) : std::nullopt; }
};

// ---- codes and recovery codes

/// The device is in step again, and this code is spent.
void spend(DeviceState& device, const Credential& credential, const Policy& policy, Counter counter,
           const Attempt& attempt) {
    device.next = counter + 1;
    device.last_used = attempt.now;
    device.from = attempt.place;
    if (credential.type == CredentialType::hotp) return;
    const auto step = time_step(attempt.now, credential.period);
    device.drift = limited_drift(static_cast<std::int64_t>(counter - step), policy);
}

/// The counter this device is accepted at: in its window, or as the second of two codes in a row.
std::optional<Counter> accepted_counter(const Match& match, const std::string& id,
                                        const std::optional<NearMiss>& last_near_miss) {
    if (match.fresh) return match.fresh;
    const bool follows = match.near_miss && last_near_miss && last_near_miss->device == id &&
                         last_near_miss->counter + 1 == *match.near_miss;
    return follows ? match.near_miss : std::nullopt;
}

/// Tries every device that shows so many digits, and stops at none. What comes of it, and in `finding` the
/// rest.
Reason examine_code(const Enrolment& enrolment, const Policy& policy, const TypedCode& code,
                    const Attempt& attempt, const std::optional<NearMiss>& last_near_miss, Finding& finding) {
    auto reason = Reason::malformed;
    bool is_replayed = false;
    for (const auto& [name, credential, id] : enrolment.devices) {
        auto* device = finding.after.device(id);
        if (credential.digits != code.digits) continue;
        if (reason == Reason::malformed) reason = Reason::wrong;
        if (device == nullptr || !device->next) continue;
        const auto expected = expectation(credential, *device, policy, attempt.now);
        const auto match =
            match_code(KeyedHash(credential.secret.octets(), credential.algorithm), code.digits, code.value,
                       expected.window, expected.vicinity, *device->next);
        finding.codes_tried += expected.codes;
        is_replayed |= match.is_replayed;
        if (const auto counter = accepted_counter(match, id, last_near_miss)) {
            spend(*device, credential, policy, *counter, attempt);
            reason = Reason::none;
            if (!finding.device.empty()) continue;
            finding.device = name;
            finding.drift = device->drift;
        } else if (match.near_miss) {
            finding.near_miss = NearMiss{id, *match.near_miss};
        }
    }
    return reason == Reason::wrong && is_replayed ? Reason::replayed : reason;
}

/// `code` is of this form.
Reason examine_recovery_code(const Enrolment& enrolment, const SecretBytes& code, RecoveryForm form,
                             UnixTime now, Finding& finding) {
    const auto is_expired = [&](const RecoveryHash& hash) { return hash.expires && *hash.expires <= now; };
    for (const auto& hash : enrolment.recovery) {
        if (hash.form == form && !is_expired(hash) && !finding.after.has_spent(hash)) ++finding.codes_tried;
    }
    const auto found = find_recovery_code(code, enrolment.recovery);
    if (!found || is_expired(enrolment.recovery[*found])) return Reason::wrong;
    if (finding.after.has_spent(enrolment.recovery[*found])) return Reason::replayed;
    note_spent(finding.after, enrolment.recovery[*found], enrolment);
    if (finding.device.empty()) finding.device = recovery_device;
    return Reason::none;
}

/// Eight digits may be a recovery code as well, where there are such: then they are tried as both.
bool may_be_recovery_code(const TypedCode& code, const Enrolment& enrolment) {
    return code.digits == 8 &&
           std::ranges::count(enrolment.recovery, RecoveryForm::digits, &RecoveryHash::form) > 0;
}

/// Of two readings of one response: which reason says more.
Reason weightier(Reason one, Reason other) {
    for (const auto reason : {Reason::none, Reason::replayed, Reason::wrong}) {
        if (one == reason || other == reason) return reason;
    }
    return Reason::malformed;
}

// ---- what is decided

/// Nothing is counted. But if the clock was set back, the wait begins now, once: else it would begin anew at
/// every attempt until the old time comes round.
Decision throttled(const LoginState& state, bool is_known_place, UnixTime now, UnixTime until) {
    Decision decision{.verdict = Verdict::throttled, .next = state};
    auto& side = is_known_place ? decision.next.known : decision.next.elsewhere;
    decision.failures = side.failures;
    decision.must_be_committed = side.last_failure > now;
    side.last_failure = not_after(side.last_failure, now);
    if (until != no_end) decision.retry_at = until;
    return decision;
}

Decision accepted(Finding finding, const Attempt& attempt, bool is_known_place) {
    auto& state = finding.after;
    auto& side = is_known_place ? state.known : state.elsewhere;
    side.failures = 0;
    side.near_miss.reset();
    if (attempt.makes_place_known) make_known(state, {attempt.place, attempt.now, attempt.interface_id});
    return {.verdict = Verdict::accepted,
            .device = std::move(finding.device),
            .drift = finding.drift,
            .password_size = finding.password_size,
            .must_be_committed = true,
            .next = std::move(state)};
}

}  // namespace

std::optional<TypedCode> typed_code(std::string_view response) {
    SecretBytes digits;
    for (const char c : response) {
        if (!is_blank(c) && c != '-') digits.append({&c, 1});
    }
    const auto value = parse_decimal<std::uint32_t>(digits.text());
    if (!value || digits.size() < 6 || digits.size() > 8) return std::nullopt;
    return TypedCode{*value, static_cast<int>(digits.size())};
}

std::optional<Reason> reason_not_to_count(const Attempt& attempt) {
    if (is_empty(attempt.response)) return Reason::malformed;
    if (is_sshd_dummy(attempt.response)) return Reason::dummy;
    if (!attempt.password.empty() && equal_in_constant_time(attempt.response, attempt.password)) {
        return Reason::password;
    }
    return std::nullopt;
}

Match match_code(const KeyedHash& hash, int digits, std::uint32_t offered, CounterRange window,
                 CounterRange vicinity, Counter next) {
    Choice fresh;
    Choice near_miss;
    Counter replayed = 0;
    const auto last = std::max(window.last, vicinity.last);
    for (Counter counter = std::min(window.first, vicinity.first); counter <= last; ++counter) {
        const auto mask = equality_mask(hash.code(counter, digits), offered);
        if (window.holds(counter) && counter < next) replayed |= mask;
        if (window.holds(counter) && counter >= next) fresh.take(counter, mask);
        if (!window.holds(counter) && vicinity.holds(counter) && counter >= next)
            near_miss.take(counter, mask);
    }
    return {fresh.chosen(), near_miss.chosen(), replayed != 0};
}

Finding examine(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                const Attempt& attempt, const std::optional<NearMiss>& last_near_miss) {
    Finding finding{.reason = Reason::malformed, .after = state};
    for (const auto& [password, text] : readings_of(attempt, enrolment)) {
        auto reason = Reason::malformed;
        if (const auto code = typed_code(text)) {
            reason = examine_code(enrolment, policy, *code, attempt, last_near_miss, finding);
            if (may_be_recovery_code(*code, enrolment)) {
                const auto digits = normalized_recovery_digits(text).value();
                reason = weightier(reason, examine_recovery_code(enrolment, digits, RecoveryForm::digits,
                                                                 attempt.now, finding));
            }
        } else if (const auto recovery = normalized_recovery_code(text)) {
            reason = examine_recovery_code(enrolment, *recovery, RecoveryForm::symbols, attempt.now, finding);
        }
        if (reason == Reason::none && finding.reason != Reason::none) finding.password_size = password.size();
        finding.reason = weightier(finding.reason, reason);
    }
    return finding;
}

Decision verify(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                const Attempt& attempt) {
    const bool is_known_place = attempt.is_at_home || is_known(state, attempt.place, attempt.now);
    const auto& side = is_known_place ? state.known : state.elsewhere;

    if (const auto until = closed_until(side, policy, attempt.now)) {
        return throttled(state, is_known_place, attempt.now, *until);
    }
    auto reason = reason_not_to_count(attempt);
    if (!reason && readings_of(attempt, enrolment).empty()) reason = Reason::malformed;  // the password alone
    if (reason) {
        return {.verdict = Verdict::refused, .reason = *reason, .failures = side.failures, .next = state};
    }
    auto finding = examine(enrolment, state, policy, attempt, side.near_miss);
    if (finding.reason == Reason::none) return accepted(std::move(finding), attempt, is_known_place);

    Decision refused{
        .verdict = Verdict::refused, .reason = finding.reason, .must_be_committed = true, .next = state};
    auto& failed_side = is_known_place ? refused.next.known : refused.next.elsewhere;
    count_failure(failed_side, policy, attempt.now, attempt.place, finding.codes_tried);
    failed_side.near_miss = finding.near_miss;
    refused.failures = failed_side.failures;
    return refused;
}

}  // namespace totp
