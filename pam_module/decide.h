// What a login comes to once there is a response: hold the account, decide, commit. Shared by the module,
// where it may reach the store, and totp_check, which it asks where it may not.
#pragma once

#include "core/policy.h"
#include "core/store.h"
#include "core/verifier.h"
#include "pam_module/outcome.h"

namespace totp {

/// Whether there is somebody to tell what is to be told: changes are told once.
enum class Telling { nothing, notices };

/// The outcome of `attempt` at the account, which is on disk when this returns: a success that couldn't be
/// written is a failure. One that isn't enrolled, or that NSS doesn't know (none is given), is refused in the
/// time that a wrong code takes, and where a wrong code would be unavailable that is the outcome too.
Outcome decide(Store& store, const Settings& settings, const std::optional<Account>& account,
               const Attempt& attempt, Telling telling);

/// Whether the account's user needs no code from there (remembered_until()): nothing is written then. Not
/// where it can't be told, or nothing is enrolled: then they are asked, and what is wrong comes out.
bool is_remembered(Store& store, const Settings& settings, const Account& account,
                   std::string_view remote_host);

/// The clock of this machine.
UnixTime current_time();

}  // namespace totp
