// One-time passwords: HOTP (RFC 4226) and, with the time as its counter, TOTP (RFC 6238).
// Knows nothing of users, devices or which codes were used.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace totp {

/// The hash below HMAC. RFC 4226 has SHA-1 only; RFC 6238 §1.2 adds the others.
enum class Algorithm { sha1, sha256, sha512 };

/// The moving factor (RFC 4226 §5.1): a counter, or for TOTP a time step (RFC 6238 §4.2).
using Counter = std::uint64_t;

/// Seconds since 1970-01-01 UTC. Signed, 64 bits: 2038 and 2106 are days like any other.
using UnixTime = std::int64_t;

/// Which time step `now` lies in (RFC 6238 §4.2, T0 = 0).
///
/// `now`     not before 1970.
/// `period`  how long a step lasts, in seconds, 1 or more.
Counter time_step(UnixTime now, int period);

/// HMAC under one shared secret, set up once and used for many counters.
class KeyedHash {
  public:
    /// `key` is the shared secret as raw bytes, not base 32. Borrowed for the call.
    KeyedHash(std::span<const std::uint8_t> key, Algorithm algorithm);
    ~KeyedHash();
    KeyedHash(const KeyedHash&) = delete;
    KeyedHash& operator=(const KeyedHash&) = delete;

    /// The HOTP value at `counter` (RFC 4226 §5.3), below 10 to the power of `digits`.
    ///
    /// `digits`  how many decimal digits the device shows: six, seven or eight.
    ///
    /// The same inputs always give the same code: reuse is prevented by verify(), not here.
    std::uint32_t code(Counter counter, int digits) const;

    /// The first eight octets of the HMAC of `message`: a name for the key that doesn't give it away.
    /// `message` must not be eight octets long, so that it never equals a counter.
    std::array<std::uint8_t, 8> fingerprint(std::span<const std::uint8_t> message) const;

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace totp
