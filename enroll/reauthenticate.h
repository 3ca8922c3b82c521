// Who is asking: proved through PAM, as a login would be.
#pragma once

#include "core/failure.h"
#include "core/store.h"

namespace totp {

/// Nobody typed what would have shown who they are.
Failure nobody_answered();

/// Asks on the terminal whatever the PAM service totp-enroll asks: the password, and a code where the account
/// is enrolled. Who has no Unix password, and so can't give one, passes by a code alone, through the service
/// totp-enroll-code.
///
/// Where the account is enrolled only a code proves it: a stack that lets somebody pass without one is
/// refused, and so is one where the enrolment went while PAM's modules ran.
///
/// No privilege is borrowed while they do.
Result<Done> reauthenticate(const Account& account, bool is_enrolled);

}  // namespace totp
