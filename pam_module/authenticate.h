// The auth phase: settings, who, ask, hold the account, decide, commit, answer.
#pragma once

#include <span>

#include <security/pam_modules.h>

namespace totp {

/// What pam_sm_authenticate answers (DESIGN: "Module arguments"):
///   PAM_SUCCESS           a right code, spent on disk
///   PAM_AUTH_ERR          wrong, spent, malformed, or an account that has none
///   PAM_MAXTRIES          throttled
///   PAM_IGNORE            not enrolled, and unenrolled=ignore
///   PAM_AUTHINFO_UNAVAIL  settings, store or key can't be used
///   PAM_CONV_ERR          nobody answered
/// Exceptions are for the caller's wall, which makes CannotCompute PAM_AUTHINFO_UNAVAIL too.
int authenticate(pam_handle_t* pamh, int flags, std::span<const char* const> arguments);

}  // namespace totp
