// Bringing a device back into step by two codes in a row, asked for on purpose (RFC 4226 §7.4). The decision
// at a login, which does the same within narrower bounds, is core/verifier's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/enrolment.h"
#include "core/login_state.h"
#include "core/policy.h"

namespace totp {

/// What two codes in a row come to.
struct Resynchronisation {
    enum class Outcome {
        done,       ///< `after` is the state to store; both codes are spent by it
        malformed,  ///< not two codes of one number of digits
        no_match,   ///< no device gives these two, one after the other, anywhere near
        spent,      ///< a device does, but not after what it was last used for
        too_far,    ///< a device's clock does, further off than `max_drift`: set that clock
    };

    Outcome outcome = Outcome::no_match;
    std::string device;        ///< its name; empty where none was found
    std::int64_t seconds = 0;  ///< how far the device's clock is ahead of ours; TOTP only
    /// How many codes that the device shows after these two don't count either: it shows them up to the
    /// current step, and what was spent of it isn't known.
    std::int64_t skipped = 0;
    LoginState after;
};

/// Looks for `first` and `second` at two counters in a row of each device: for time-based ones within a day
/// of `now`, of which `max_drift` steps are accepted; for the others 10,000 counters on from the next one. A
/// device whose past is lost (DeviceState::next) may stand anywhere in these bounds.
///
/// Devices that `state` has no entry for are begun anew in `after` (with_lost_devices_restarted()). The two
/// codes of such a one show where it stands, from whatever step they are; but none up to the current step
/// counts, for it may be spent. Who may have that done has to be asked by the caller.
///
/// Guesses aren't counted: whoever may call this has proved who they are, and hits by chance once in 10⁸
/// tries.
Resynchronisation resynchronise(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                                std::string_view first, std::string_view second, UnixTime now);

}  // namespace totp
