// What an administrator should know of a refusal that no person brought about, but how a service is set up.
#pragma once

#include <string>
#include <string_view>

#include "core/enrolment.h"
#include "core/login_state.h"
#include "core/policy.h"
#include "core/verdict.h"

namespace totp {

/// Of a refusal of somebody whose devices were used at a time that hasn't come yet, further on than any code
/// is right: this machine's clock was ahead then, or is behind now. Empty where that isn't so.
std::string advice_about_clock(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                               UnixTime now);

/// Of one field that was split by its shape alone, the engine being this one: the digits at its end may be
/// the password's in part.
std::string advice_about_digits(Engine engine);

/// One sentence for the log, to stand before the decision's line; empty where there is nothing to say.
std::string advice_for(Reason reason, std::string_view service);

}  // namespace totp
