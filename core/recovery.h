// Recovery codes: one-time answers for who has lost the device. Made, hashed with yescrypt (crypt(5)),
// matched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/failure.h"
#include "core/otp.h"
#include "core/secret_bytes.h"

namespace totp {

/// How a recovery code is written.
enum class RecoveryForm {
    symbols,  ///< 16 Crockford base-32 symbols, 80 random bits: ours
    digits,   ///< eight decimal digits, of another program: taken over, never made here
};

/// A recovery code as we keep it.
struct RecoveryHash {
    std::string hash;                 ///< crypt(5), the salt included
    std::optional<UnixTime> expires;  ///< refused from this second on
    RecoveryForm form = RecoveryForm::symbols;

    /// Names the code in a login state once it is spent: the end of its hash, eight symbols of crypt's
    /// alphabet.
    std::string id() const { return hash.substr(hash.size() - id_size); }

    static constexpr std::size_t id_size = 8;
    bool operator==(const RecoveryHash&) const = default;
};

/// Most codes a user may hold at once.
inline constexpr std::size_t maximum_recovery_codes = 32;

/// How many a user gets if nobody says otherwise.
inline constexpr std::size_t usual_recovery_codes = 10;

/// A new set: the texts to show once, and what to keep of each, in the same order.
struct RecoverySet {
    std::vector<SecretBytes> codes;  ///< "XXXX-XXXX-XXXX-XXXX": 16 Crockford base-32 symbols, 80 random bits
    std::vector<RecoveryHash> hashes;
};

/// `count` new codes, at most 32. All share one salt, so that trying a response costs one hash, not `count`.
Result<RecoverySet> new_recovery_codes(std::size_t count);

/// One more code for `set`, with the salt its codes of this form have; where there are none with a new one.
Result<RecoverySet> one_more_recovery_code(const std::vector<RecoveryHash>& set, UnixTime expires);

/// Keeps codes of eight digits each, with the salt that those in `set` have; where there are none with a new
/// one. It costs what a password's does: so few digits are soon tried by whoever has the hash.
Result<std::vector<RecoveryHash>> keep_recovery_digits(const std::vector<SecretBytes>& codes,
                                                       const std::vector<RecoveryHash>& set);

/// `text` as the 16 symbols that are hashed, or nothing if it isn't shaped like a recovery code.
/// Read in any case, with or without hyphens and blanks, O as 0, I and L as 1.
std::optional<SecretBytes> normalized_recovery_code(std::string_view text);

/// `text` as the eight digits that are hashed, or nothing if it isn't so many. Read with or without hyphens
/// and blanks.
std::optional<SecretBytes> normalized_recovery_digits(std::string_view text);

/// Which of `hashes` the code belongs to; nothing if to none.
///
/// `code`  from normalized_recovery_code() or normalized_recovery_digits(): compared with those of its form.
///
/// Compares with all of these without stopping at a match. One yescrypt for each different salt they have,
/// and one where there are none: an account without such codes takes as long.
std::optional<std::size_t> find_recovery_code(const SecretBytes& code,
                                              const std::vector<RecoveryHash>& hashes);

/// Whether `hash` is a yescrypt hash as new_recovery_codes() makes them. A record with any other is refused:
/// crypt(3) would take old and weak methods as readily.
bool is_recovery_hash(std::string_view hash);

}  // namespace totp
