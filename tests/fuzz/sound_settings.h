// What is true of settings that were accepted, wherever they came from.
#pragma once

#include <algorithm>

#include "core/policy.h"
#include "tests/fuzz/input.h"

inline bool is_between(int lowest, int number, int highest) { return lowest <= number && number <= highest; }

inline void promise_sound(const totp::Settings& settings) {
    constexpr int day = 86'400;
    const auto& policy = settings.policy;
    promise(is_between(0, policy.window, 20) && is_between(0, policy.hotp_look_ahead, 100));
    promise(is_between(0, policy.resync_window, policy.max_drift) && policy.max_drift <= 100);
    promise(is_between(1, policy.delay, policy.max_delay) && policy.max_delay <= day);
    promise(is_between(0, policy.free_failures, 10'000) && is_between(1, policy.max_failures, 10'000));
    promise(is_between(1, policy.budget, 10'000) && is_between(1, policy.budget_drain, 10'000));
    promise(is_between(0, policy.remember, 90 * day));
    promise(settings.store.starts_with('/') && settings.key.starts_with('/'));
    promise(settings.state_directory().starts_with('/') && settings.prompt.ends_with(' '));
    promise(settings.prompt.find_first_not_of(" \t") != std::string::npos);
    promise(!settings.enrol_by || !settings.enrol_until || *settings.enrol_by < *settings.enrol_until);
    promise(!settings.use_first_pass || !settings.try_first_pass);
    promise(!settings.forward_pass || !settings.echo);
}

/// Fit for a log line, whatever was refused.
inline void promise_printable(const totp::Failure& failure) {
    promise(!failure.message.english().empty() &&
            std::ranges::all_of(failure.message.english(), [](char c) { return c >= ' ' && c < 127; }));
}
