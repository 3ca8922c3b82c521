// What the module leaves in the logs of the system about somebody who tries: a line of `key=value` words in
// syslog or the journal, and a record for Linux' audit.
#pragma once

#include <string>
#include <string_view>

#include <security/pam_modules.h>

#include "pam_module/outcome.h"

namespace totp {

/// `user= service= rhost=` and `words`, of the phase `auth` or `account`. `user` is empty where nobody is
/// known: what was typed may be a password.
void log_words(pam_handle_t* pamh, int priority, const char* phase, std::string_view user,
               std::string_view words);

/// The sentence for the administrator, if there is one.
void log_explanation(pam_handle_t* pamh, const Outcome& outcome);

/// What was decided in the auth phase; before it the sentence for the administrator. `user` as above.
void log_decision(pam_handle_t* pamh, std::string_view user, const Outcome& outcome);

}  // namespace totp
