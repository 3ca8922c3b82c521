// totp_check and totp_check_any, as the module asks them where its own process may not reach the store: the
// first about the process's own account, the second about all others, where the process may run it. And
// totp_check_postgresql, which knows the answers where they are in a database of many hosts.
#pragma once

#include <security/pam_modules.h>

#include "core/policy.h"
#include "core/secret_bytes.h"
#include "core/store.h"
#include "pam_module/check_protocol.h"
#include "pam_module/outcome.h"

namespace totp {

/// Whether this process needs a helper: by the engine, or as it isn't root and may not search the store.
bool needs_helper(const Settings& settings);

/// Whether the account is enrolled. `claim` is for its service and remote host; they count, and are told,
/// only where the account isn't the process's own: the one that NSS calls its uid by, which of several names
/// of one uid is the first.
Result<bool> is_enrolled_by_helper(pam_handle_t* pamh, const Settings& settings, const Account& account,
                                   const Claim& claim);

/// What comes of a response, of an account NSS knows or not: one that this process doesn't know is refused,
/// though the helper may know it by then. Also logged by a helper that root didn't start, unless it is
/// unavailable with an explanation: then it never got to deciding.
Outcome check_by_helper(pam_handle_t* pamh, const Settings& settings, const std::optional<Account>& account,
                        const Claim& claim, const SecretBytes& response);

}  // namespace totp
