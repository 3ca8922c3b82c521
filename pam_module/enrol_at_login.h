// Enrolment at login (DESIGN 6a): the auth phase notes who isn't enrolled, the account phase, which comes
// only after the whole authentication succeeded, holds the conversation, and setcred lets nobody by who owes
// it.
#pragma once

#include <span>

#include <security/pam_modules.h>

#include "core/policy.h"
#include "core/store.h"

namespace totp {

/// In the auth phase, of an account that isn't enrolled where unenrolled=enrol. False where libpam can't keep
/// it: then nobody may pass.
bool expect_enrolment(pam_handle_t* pamh, const Settings& settings, const Account& account);

/// What pam_sm_acct_mgmt answers:
///   PAM_IGNORE            nothing is to be enrolled, or not yet
///   PAM_SUCCESS           enrolled, and on disk
///   PAM_PERM_DENIED       it wasn't finished, or is owed by another than the user is by now
///   PAM_AUTHINFO_UNAVAIL  settings, store or key can't be used
int enrol_at_login(pam_handle_t* pamh, int flags, std::span<const char* const> arguments);

/// What pam_sm_setcred answers: PAM_INCOMPLETE while an enrolment is owed, as where the account line is
/// missing; libpam gives up on it whatever the control says. Else PAM_SUCCESS. An application may go on all
/// the same, as sudo does: there the account phase is the only guard.
int guard_credentials(pam_handle_t* pamh);

}  // namespace totp
