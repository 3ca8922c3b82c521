// The file ~/.google_authenticator, which google-authenticator makes and pam_google_authenticator reads and
// rewrites at each login (its FILEFORMAT).
//
//     SECRET               base 32
//     " OPTION VALUE…      in any order, each at most once
//     CODE                 eight digits that let in once and are then taken out of the file
#pragma once

#include <string_view>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/login_state.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {

/// Longest file that is read: the program itself takes no longer one.
inline constexpr std::size_t longest_google_authenticator_file = 65'536;

/// What the file says. A line that isn't of these forms, an option that isn't known or is out of its range,
/// and a file that lets nobody in by a code of the device are refused, as a clause to follow the file's name.
///
/// Spent are all time steps up to the last that DISALLOW_REUSE lists; without that option, and for counters
/// below HOTP_COUNTER, that is what the program knows.
Result<ForeignDevice> parse_google_authenticator_file(std::string_view text);

/// The file for a device, so that its codes let in there and what is spent here is spent. Refused where the
/// file has no words for the device: it has six digits, SHA1, and steps of 1 to 60 s.
/// `state` says where it stands.
///
/// A counter that was never used begins at 1 there, for 0 means none: the first code is skipped, which the
/// program's window allows for.
Result<SecretBytes> format_google_authenticator_file(const Credential& credential, const DeviceState& state);

}  // namespace totp
