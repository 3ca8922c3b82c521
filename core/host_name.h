// What this machine calls itself.
#pragma once

#include <string>

namespace totp {

/// Its node name, as gethostname(2) has it; an app shows it as who the account is with.
std::string host_name();

}  // namespace totp
