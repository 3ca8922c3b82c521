#include "core/throttle.h"

#include <algorithm>

namespace totp {
namespace {

constexpr int most_failures_counted = 999'999;

/// The level in parts (see level_parts), drained since the last failure.
std::int64_t drained_level(const SideState& side, const Policy& policy, UnixTime now) {
    const auto elapsed = now - not_after(side.last_failure, now);
    return std::max<std::int64_t>(0, side.level - elapsed * policy.budget_drain);
}

UnixTime delay_after(int failures, const Policy& policy) {
    if (failures <= policy.free_failures) return 0;
    UnixTime delay = policy.delay;
    for (int i = policy.free_failures + 1; i < failures && delay < policy.max_delay; ++i) delay *= 2;
    return std::min<UnixTime>(delay, policy.max_delay);
}

}  // namespace

std::optional<UnixTime> closed_until(const SideState& side, const Policy& policy, UnixTime now) {
    if (side.failures >= policy.max_failures) return no_end;
    auto until = not_after(side.last_failure, now) + delay_after(side.failures, policy);
    const auto excess = drained_level(side, policy, now) - policy.budget * level_parts;
    if (excess >= 0) until = std::max(until, now + excess / policy.budget_drain + 1);
    return until > now ? std::optional(until) : std::nullopt;
}

int level_now(const SideState& side, const Policy& policy, UnixTime now) {
    return static_cast<int>((drained_level(side, policy, now) + level_parts - 1) / level_parts);
}

void count_failure(SideState& side, const Policy& policy, UnixTime now, const Place& place, int codes_tried) {
    const std::int64_t raise = (codes_tried + 2) / 3;
    side.level = drained_level(side, policy, now) + raise * level_parts;
    side.failures = std::min(side.failures + 1, most_failures_counted);
    side.last_failure = now;
    side.from = place;
    side.near_miss.reset();
}

Sentence told_to_wait(std::optional<UnixTime> seconds) {
    if (!seconds) {
        return tr(
            "Too many wrong codes: waiting doesn't help. Ask the administrator, or run totp-enroll unlock "
            "where you are logged in.");
    }
    constexpr UnixTime minute = 60;
    constexpr UnixTime hour = 3600;
    const auto rounded_up = [&](UnixTime unit) { return (*seconds + unit - 1) / unit; };
    if (*seconds <= minute) {
        return tr_n("Too many wrong codes. Try again in %1 second.",
                    "Too many wrong codes. Try again in %1 seconds.", *seconds);
    }
    if (*seconds <= hour) {
        return tr_n("Too many wrong codes. Try again in %1 minute.",
                    "Too many wrong codes. Try again in %1 minutes.", rounded_up(minute));
    }
    return tr_n("Too many wrong codes. Try again in %1 hour.", "Too many wrong codes. Try again in %1 hours.",
                rounded_up(hour));
}

}  // namespace totp
