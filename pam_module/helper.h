// totp_check, as the module asks it where its own process may not reach the store.
#pragma once

#include "core/policy.h"
#include "core/secret_bytes.h"
#include "core/store.h"
#include "pam_module/outcome.h"

namespace totp {

/// Whether this process needs the helper: it isn't root, and may not search the store.
bool needs_helper(const Settings& settings);

/// Whether the account is enrolled, which must be the process's own.
Result<bool> is_enrolled_by_helper(const Account& account);

/// What comes of a response. Also logged by the helper, unless it is unavailable with an explanation: then it
/// never got to deciding.
Outcome check_by_helper(const Account& account, const SecretBytes& response);

}  // namespace totp
