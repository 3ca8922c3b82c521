// What is enrolled, unreadable without the host key: AES-256-GCM (NIST SP 800-38D).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// Where the key lies that is to take the place of the host's, while totp-enroll rekey is at it (core/rekey).
std::string next_key(const std::string& file);

/// The host's 32 random bytes.
class HostKey {
  public:
    /// Reads the key from `file`. Refused: any other length, a file that isn't root's (or `owner`'s), one
    /// that its group may write or that others may read.
    static Result<HostKey> read(const std::string& file, uid_t owner);

    /// The same; nothing if there is no such file.
    static Result<std::optional<HostKey>> find(const std::string& file, uid_t owner);

    /// Makes a new key in `file` (a path from /), which must not exist, and its directory if need be;
    /// readable for `group`, if given, and the caller.
    static Result<Done> create(const std::string& file, std::optional<gid_t> group);

    /// A new key, and the key that these octets are, if they are 32.
    static Result<HostKey> generate();
    static std::optional<HostKey> of(SecretBytes octets);

    /// Writes it, durably, to a new file for the caller alone.
    Result<Done> save(const std::string& file) const;

    /// Writes it, durably, to next_key(file), which must not exist, with owner, group and mode of `file`.
    Result<Done> save_beside(const std::string& file) const;

    /// next_key(file) takes the place of `file`, durably, and the key that was there is gone.
    static Result<Done> put_next_in_place(const std::string& file);

    /// Why another key can't take the place of `file` to stay: it is a link; or it lies in memory, beside a
    /// `store` that doesn't, and the new one `is_kept` nowhere else.
    static std::optional<Failure> refuse_replacement(const std::string& file, const std::string& store,
                                                     bool is_kept);

    /// Makes a key that create() made for the caller alone, before there was a group, readable for `group`.
    static Result<Done> give_to(const std::string& file, std::optional<gid_t> group);

    /// Tells one key from another without giving it away: 16 hexadecimal digits.
    std::string id() const;

    /// The sealed form of `plaintext`, for this user only:
    ///
    ///     pam-totp-enrolment 1 KEYID
    ///     BASE64 of nonce, ciphertext and tag
    ///
    /// The first line and the user's name are authenticated with it.
    Result<std::string> seal(std::string_view user, const SecretBytes& plaintext) const;

    /// The plaintext of what seal() made for the same user under the same key. The failure says which of
    /// the two is not so, as far as that can be told, as a clause to follow "FILE ".
    Result<SecretBytes> unseal(std::string_view user, std::string_view sealed) const;

  private:
    explicit HostKey(SecretBytes key) : key_(std::move(key)) {}

    SecretBytes key_;
};

}  // namespace totp
