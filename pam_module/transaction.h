// What the lines of one PAM transaction tell each other, by data on its handle.
#pragma once

#include <string>

#include <security/pam_modules.h>

namespace totp {

/// Notes that this account has passed on a line of ours. False where libpam can't keep it: then the next line
/// asks.
bool note_passed(pam_handle_t* pamh, const std::string& user);

/// Whether it has.
bool has_passed(const pam_handle_t* pamh, const std::string& user);

/// Tells the application as well, by the PAM environment variable PAM_TOTP_PASSED: totp-enroll takes nobody
/// for proved whose stack didn't come by here.
bool tell_passed(pam_handle_t* pamh, const std::string& user);

/// Nobody has.
void forget_passed(pam_handle_t* pamh);

}  // namespace totp
