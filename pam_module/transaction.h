// What the lines and phases of one PAM transaction tell each other, by data on its handle; and, where a phase
// may come in another process, by PAM environment variables.
#pragma once

#include <optional>
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

/// Notes that the account phase has something to say to this account, which isn't enrolled. `is_owed`: there
/// is no way in without it. False where libpam can't keep it.
bool note_enrolment(pam_handle_t* pamh, const std::string& user, bool is_owed);

/// The name of the one it has something to say to, if anybody.
std::optional<std::string> user_to_enrol(const pam_handle_t* pamh);

/// Whether an enrolment is owed by anybody: also in another process of the same application, and if the
/// account phase has never come by here.
bool is_enrolment_owed(pam_handle_t* pamh);

/// It is done, or nothing was owed.
void forget_enrolment(pam_handle_t* pamh);

/// Likewise where it isn't this user's, as after an earlier try on the same handle. This user's stands: it
/// may be of another line of the same try.
void forget_enrolment_of_others(pam_handle_t* pamh, const std::string& user);

}  // namespace totp
