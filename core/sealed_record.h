// Records that only a host key opens: enrolments, and keys that were shown at a login. Knows which keys there
// may be, not what stands in a record.
#pragma once

#include <optional>
#include <string>

#include "core/record_file.h"
#include "core/seal.h"

namespace totp {

inline constexpr std::size_t longest_sealed_record = 16'384;

/// What the account's record holds; nothing if there is none. It may be sealed under the host key, in
/// `key_file`, or under the one that is to take its place: that one is looked for only where a record isn't
/// under the first.
Result<std::optional<SecretBytes>> read_sealed(const Directory& directory, const std::string& record,
                                               const Account& account, const std::string& key_file,
                                               uid_t key_owner);

}  // namespace totp
