// How long it is good what somebody is given for a while: the option --expires.
#pragma once

#include <optional>
#include <string>

#include "core/failure.h"
#include "core/otp.h"

namespace totp {

/// What is wrong with the option's value; nothing where it isn't given.
std::optional<Failure> refuse_expiry(const std::optional<std::string>& text);

/// Of one that isn't refused; a day where it isn't given.
UnixTime seconds_of_expiry(const std::optional<std::string>& text);

}  // namespace totp
