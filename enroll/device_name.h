// What a device is called where nobody said, and what it and what is said of it may be called.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/enrolment.h"
#include "core/failure.h"

namespace totp {

/// The first of phone, phone-2, phone-3… that no device is called yet.
std::string free_device_name(const Enrolment& enrolment);

/// What is wrong with the name that --device gives, if it gives one.
std::optional<Failure> refuse_device_name(const std::optional<std::string>& name);

/// Of an issuer or a label, which stands in a line of its own and in a key URI: no control character and no
/// colon. A clause about what is wrong with it; empty if nothing is.
Sentence wrong_text(std::string_view text);

}  // namespace totp
