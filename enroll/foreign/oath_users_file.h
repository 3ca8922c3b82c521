// The users file of pam_oath (liboath's UsersFile format), which it rewrites at each login.
//
//     TYPE USER PIN SECRET [FACTOR [LAST TIME]]
//
//     TYPE    HOTP, HOTP/E/DIGITS, HOTP/T30/DIGITS or HOTP/T60/DIGITS; the digits are 6 if not said
//     PIN     what is typed before the code; - and + where there is none
//     SECRET  in hexadecimal
//     FACTOR  the counter that was used last or, before that, the first; of no meaning with T30 and T60
//     LAST    the code that was used last, and when, as 2026-11-24T15:52:33L in local time
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/login_state.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {

/// What a moment of local time is on the machine the file is of; nothing where there is no such moment.
using FromLocalTime = std::optional<UnixTime> (*)(std::tm);
using ToLocalTime = std::tm (*)(UnixTime);

/// One line of the file.
struct OathUser {
    int line;
    std::string name;              ///< empty where the line hasn't as much
    Result<ForeignDevice> device;  ///< a failure is a clause to follow the file's name
};

/// All lines but empty ones and comments (#), each for itself: a wrong one takes no other with it.
///
/// Spent is the code that was used last, with all before it. The program keeps no drift; that code shows it.
std::vector<OathUser> parse_oath_users_file(std::string_view text, FromLocalTime from_local_time);

/// The line for a device, so that its codes let in there and what is spent here is spent. Refused where the
/// format has no words for the device (it has SHA1, steps of 30 and 60 s, secrets of at most 32 bytes) or for
/// the user's name. `state` says where it stands.
Result<SecretBytes> format_oath_user(std::string_view user, const Credential& credential,
                                     const DeviceState& state, ToLocalTime to_local_time);

}  // namespace totp
