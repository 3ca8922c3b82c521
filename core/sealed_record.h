// Records that only a host key opens: enrolments, and keys that were shown at a login. Knows which keys there
// may be, not what stands in a record.
#pragma once

#include <optional>
#include <string>

#include "core/record_file.h"
#include "core/seal.h"

namespace totp {

inline constexpr std::size_t longest_sealed_record = 16'384;

/// The host key, and the one that is to take its place, as they lie in their files.
class HostKeys {
  public:
    /// As for HostKey::read().
    HostKeys(std::string file, uid_t owner) : file_(std::move(file)), owner_(owner) {}

    /// Read once, and kept until forget(); null never.
    Result<const HostKey*> host();
    /// Looked for anew each time; nothing where there is none.
    Result<std::optional<HostKey>> next() const { return HostKey::find(next_key(file_), owner_); }

    /// Somebody may have replaced them.
    void forget() { host_.reset(); }

  private:
    std::string file_;
    uid_t owner_;
    std::optional<HostKey> host_;
};

/// What the account's record holds; nothing if there is none. The second key is looked for only where a
/// record isn't under the first.
Result<std::optional<SecretBytes>> read_sealed(const Directory& directory, const std::string& record,
                                               const Account& account, HostKeys& keys);

}  // namespace totp
