// Prompts and messages, through whatever conversation the application brought.
#pragma once

#include <optional>
#include <string_view>

#include <security/pam_modules.h>

#include "core/secret_bytes.h"

namespace totp {

/// Who wants in: asked for where the application hasn't said so. PAM_SUCCESS, or why nobody is known.
int get_user(pam_handle_t* pamh, const char*& user);

/// Asks one question. Nothing if the application can't or won't answer.
std::optional<SecretBytes> ask(pam_handle_t* pamh, std::string_view prompt, bool shows_what_is_typed);

/// Tells the person something went wrong. An application that can't show it changes nothing.
void tell_error(pam_handle_t* pamh, std::string_view message);

/// Tells the person something worth knowing, likewise.
void tell(pam_handle_t* pamh, std::string_view message);

}  // namespace totp
