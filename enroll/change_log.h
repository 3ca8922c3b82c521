// The line in the system log for everything that totp-enroll changes.
#pragma once

#include <string_view>

#include "core/store.h"

namespace totp {

enum class Change {
    device_added,
    device_exported,  ///< its key was shown again
    device_removed,
    enrolment_removed,
    recovery_renewed,  ///< a new set, the old one being void
    recovery_added,    ///< one more code
    resynchronised,
    unlocked,
    places_forgotten,
    enrolment_allowed,  ///< by a token
};

/// Facility authpriv: `user= service=totp-enroll by= change= device=`, the last where it is about one;
/// encoded as in the module's lines. `by` is the name of the real user.
void log_change(const Account& account, Change change, std::string_view device = "");

/// The same for what is about no account: `user=-`, `change=rekeyed`, and the new key's id as `key=`.
void log_rekeyed(std::string_view key_id);

}  // namespace totp
