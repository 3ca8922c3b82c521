// Where password and code come from when they are typed into one field, and what becomes of the password:
// use_first_pass, try_first_pass, forward_pass. Where the one ends and the other begins is core/one_field's
// and core/verifier's to say.
#pragma once

#include <optional>
#include <span>

#include <security/pam_modules.h>

#include "core/policy.h"
#include "core/secret_bytes.h"
#include "pam_module/outcome.h"

namespace totp {

/// With forward_pass: asks for both in one field and makes that PAM_AUTHTOK, for everybody, so that the
/// modules after us have a password whoever it is. Not where a field is there already that this line may use.
///
/// False where it asked and nobody answered.
bool ask_for_field(pam_handle_t* pamh, const Settings& settings);

/// The field to split, from PAM_AUTHTOK; empty where no password is there. Nothing where the code is to be
/// asked for.
std::optional<SecretBytes> field_to_split(pam_handle_t* pamh, const Settings& settings);

/// Whether the line takes password and code in one field, as far as its arguments tell where the settings
/// couldn't be read.
bool takes_one_field(std::span<const char* const> arguments);

/// Makes PAM_AUTHTOK what the modules after us may know of `field`:
///   accepted                          what stands before the code
///   not enrolled, or nobody we know   all of it: no code is to be taken away
///   all else                          a text that is nobody's password, so that no control value of our line
///                                     lets in who has the password alone, nor tells them that it is right
void hand_on(pam_handle_t* pamh, const SecretBytes& field, const Outcome& outcome);

}  // namespace totp
