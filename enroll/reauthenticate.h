// Who is asking: proved through PAM, as a login would be.
#pragma once

#include "core/failure.h"
#include "core/store.h"

namespace totp {

/// Asks on the terminal whatever the PAM service totp-enroll asks: the password, and a code where the account
/// is enrolled. Who has no Unix password, and so can't give one, passes by a code alone, through the service
/// totp-enroll-code.
///
/// No privilege is borrowed while PAM's modules run.
Result<Done> reauthenticate(const Account& account, bool is_enrolled);

}  // namespace totp
