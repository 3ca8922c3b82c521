// A device whose key was shown at a login and that hasn't confirmed it yet, and its text form. It opens
// nothing; it is kept so that what was scanned stays right when the login times out.
#pragma once

#include <optional>
#include <string_view>

#include "core/enrolment.h"
#include "core/place.h"

namespace totp {

struct PendingDevice {
    Device device;
    UnixTime shown = 0;  ///< when its key was first shown
    Place place;         ///< and where
};

/// How long a key may be shown again, in seconds.
inline constexpr UnixTime pending_lifetime = 600;

/// Whether the key may be shown again, at `place`.
bool may_be_shown_again(const PendingDevice& pending, const Place& place, UnixTime now);

///     otpauth://TYPE/DEVICE?secret=…      as in an enrolment
///     shown UNIX PLACE
///
SecretBytes format_pending(const PendingDevice& pending);

/// The reverse; nothing for all else.
std::optional<PendingDevice> parse_pending(std::string_view text);

}  // namespace totp
