#include "core/resynchronise.h"

#include <algorithm>

#include "core/verifier.h"

namespace totp {
namespace {

using Outcome = Resynchronisation::Outcome;

constexpr Counter counters_searched = 10'000;
constexpr UnixTime seconds_searched = 86'400;

struct TwoCodes {
    TypedCode first;
    TypedCode second;
};

std::int64_t steps_ahead(Counter counter, const Credential& credential, UnixTime now) {
    return static_cast<std::int64_t>(counter - time_step(now, credential.period));
}

CounterRange searched(const Credential& credential, const DeviceState& device, UnixTime now) {
    if (credential.type == CredentialType::hotp) {
        const auto start = device.next.value_or(credential.counter);
        return {start, start + counters_searched};
    }
    const auto step = time_step(now, credential.period);
    const auto reach = static_cast<Counter>(seconds_searched / credential.period);
    return {step - std::min(step, reach), step + reach};
}

/// The last counter of the range that gives the first code and is followed by one that gives the second.
std::optional<Counter> counter_of(const TwoCodes& codes, const Credential& credential, CounterRange range) {
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    std::optional<Counter> found;
    bool follows = false;
    for (Counter counter = range.first; counter <= range.last + 1; ++counter) {
        const auto code = hash.code(counter, credential.digits);
        if (follows && code == codes.second.value) found = counter - 1;
        follows = code == codes.first.value;
    }
    return found;
}

/// `is_lost`: `state` has the device as it was begun anew just now, after the current step.
Resynchronisation resynchronised(const Device& device, bool is_lost, const LoginState& state,
                                 const Policy& policy, Counter first, UnixTime now) {
    const auto& credential = device.credential;
    Resynchronisation result{.outcome = Outcome::done, .device = device.name, .after = state};
    auto& entry = *result.after.device(device.id);
    const auto following = first + 2;
    auto next = following;
    if (is_lost) {
        next = std::max(following, entry.next.value_or(0));
    } else if (entry.next && first < *entry.next) {
        result.outcome = Outcome::spent;
        return result;
    }
    entry.next = next;
    if (credential.type == CredentialType::hotp) return result;
    const auto ahead = steps_ahead(first + 1, credential, now);
    result.seconds = ahead * credential.period;
    if (std::abs(ahead) > policy.max_drift) {
        result.outcome = Outcome::too_far;
        return result;
    }
    entry.drift = static_cast<int>(ahead);
    result.skipped = static_cast<std::int64_t>(next - following);
    return result;
}

}  // namespace

Resynchronisation resynchronise(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                                std::string_view first, std::string_view second, UnixTime now) {
    const auto first_code = typed_code(first);
    const auto second_code = typed_code(second);
    if (!first_code || !second_code || first_code->digits != second_code->digits) {
        return {.outcome = Outcome::malformed};
    }
    const auto restarted = with_lost_devices_restarted(state, enrolment, now);
    for (const auto& device : enrolment.devices) {
        if (device.credential.digits != first_code->digits) continue;
        const auto range = searched(device.credential, *restarted.device(device.id), now);
        const auto counter = counter_of({*first_code, *second_code}, device.credential, range);
        if (!counter) continue;
        const bool is_lost = state.device(device.id) == nullptr;
        return resynchronised(device, is_lost, restarted, policy, *counter, now);
    }
    return {.outcome = Outcome::no_match};
}

}  // namespace totp
