// How many wrong codes one side of an account bears, and when it is open again.
//
// Two measures. Failures in a row make it wait, longer each time, and shut it at last; a success clears
// them. The level counts the codes a guesser could have hit, in units of a usual guess; it drains by the
// day and no success clears it, so that it bounds what may be guessed in a year.
#pragma once

#include <optional>

#include "core/login_state.h"
#include "core/policy.h"
#include "core/sentence.h"

namespace totp {

/// Until when a side evaluates nothing; nothing if it is open. A value of no_end means until it is unlocked.
inline constexpr UnixTime no_end = INT64_MAX;
std::optional<UnixTime> closed_until(const SideState& side, const Policy& policy, UnixTime now);

/// What is left of a side's level, in whole codes rounded up.
int level_now(const SideState& side, const Policy& policy, UnixTime now);

/// One more failure, at `now` and from `place`, of a guess that could have hit `codes_tried` codes. The side
/// forgets the near miss of the one before.
void count_failure(SideState& side, const Policy& policy, UnixTime now, const Place& place, int codes_tried);

/// What who is throttled is told: after how many seconds it is worth another try; nothing: not until it is
/// unlocked.
Sentence told_to_wait(std::optional<UnixTime> seconds);

/// A stored time later than now counts as now.
constexpr UnixTime not_after(UnixTime stored, UnixTime now) { return stored < now ? stored : now; }

}  // namespace totp
