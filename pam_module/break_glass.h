// What counts while the database of a fleet can't be used: recovery codes that root made on this machine, for
// the accounts that the settings name.
#pragma once

#include "core/policy.h"
#include "core/store.h"
#include "core/verifier.h"
#include "pam_module/outcome.h"

namespace totp {

/// Whether this process may let the account in by codes in the store while the database can't be used: it is
/// root's, and break_glass names the account.
bool has_break_glass(const Settings& settings, const std::optional<Account>& account);

/// Whether the database can't be used, as far as its helper knows: nobody else's word counts. That the helper
/// didn't come to answer whoever tries can bring about (a limit of theirs that su leaves, a remote host of
/// great length); and a host that the database won't answer (Reason::settings) isn't let in by its own store.
bool opens_break_glass(const Outcome& outcome);

/// What an attempt comes to that is `unavailable` by the database: a code in the store, where the account has
/// break-glass and such codes (core/emergency_codes), and the attempt is shaped like one. Else still
/// unavailable.
Outcome by_break_glass(Outcome unavailable, Store& store, const Settings& settings,
                       const std::optional<Account>& account, const Attempt& attempt);

}  // namespace totp
