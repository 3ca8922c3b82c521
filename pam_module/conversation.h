// Prompts and messages, through whatever conversation the application brought, in the language of its locale.
#pragma once

#include <optional>

#include <security/pam_modules.h>

#include "core/secret_bytes.h"
#include "core/sentence.h"

namespace totp {

/// Who wants in: asked for where the application hasn't said so. PAM_SUCCESS, or why nobody is known.
int get_user(pam_handle_t* pamh, const char*& user);

/// Asks one question. Nothing if the application can't or won't answer.
std::optional<SecretBytes> ask(pam_handle_t* pamh, const Sentence& prompt, bool shows_what_is_typed);

/// The same for words that are translated already, and may be a secret.
std::optional<SecretBytes> ask(pam_handle_t* pamh, const SecretBytes& prompt, bool shows_what_is_typed);

/// Tells the person something went wrong. An application that can't show it changes nothing.
void tell_error(pam_handle_t* pamh, const Sentence& message);

/// Tells the person something worth knowing, likewise.
void tell(pam_handle_t* pamh, const Sentence& message);

}  // namespace totp
