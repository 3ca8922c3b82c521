// What an administrator should know of a refusal that no person brought about, but how a service is set up.
#pragma once

#include <string>
#include <string_view>

#include "core/verdict.h"

namespace totp {

/// One sentence for the log, to stand before the decision's line; empty where there is nothing to say.
std::string advice_for(Reason reason, std::string_view service);

}  // namespace totp
