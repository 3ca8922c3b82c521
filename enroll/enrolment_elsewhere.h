// What an account in a fleet's database has enrolled, and what is ordered to change it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enrolment.h"
#include "enroll/account_elsewhere.h"

namespace totp {

using Codes = std::vector<SecretBytes>;

/// By the names of its devices alone, for the keys stay in the database; nothing if nobody is enrolled.
Result<std::optional<Enrolment>> names_elsewhere(const AccountElsewhere& account);

/// Adds a device to those there are. The code that it has shown is spent, if it is right by the database's
/// clock too: else none would get in.
Result<Done> add_elsewhere(const AccountElsewhere& account, const Device& device,
                           const std::optional<SecretBytes>& shown);

/// Enrols an account by its first device likewise, with as many recovery codes: all of it or nothing, and
/// nothing where it was enrolled meanwhile.
Result<Codes> enrol_elsewhere(const AccountElsewhere& account, const Device& device,
                              const std::optional<SecretBytes>& shown, std::size_t recovery_codes);

/// The recovery codes that this order makes, by its one value.
Result<Codes> codes_elsewhere(const AccountElsewhere& account, const std::string& word,
                              const std::string& value);

/// Whether the owner, who isn't enrolled, may enrol by this token.
Result<bool> takes_token(const AccountElsewhere& account, const SecretBytes& token);

/// Enrols its owner so, with as many recovery codes: at once, for the token is gone then, and no code is left
/// to ask for them by.
Result<Codes> enrol_by_token(const AccountElsewhere& account, const SecretBytes& token, const Device& device,
                             const std::optional<SecretBytes>& shown, std::size_t recovery_codes);

}  // namespace totp
