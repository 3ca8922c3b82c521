// One device's credential, and the key URI that carries it into an authenticator app.
#pragma once

#include <optional>
#include <string>

#include "core/failure.h"
#include "core/otp.h"
#include "core/secret_bytes.h"

namespace totp {

enum class CredentialType { totp, hotp };

/// What a device and we both hold. parse_key_uri() keeps the ranges.
struct Credential {
    CredentialType type = CredentialType::totp;
    Algorithm algorithm = Algorithm::sha1;
    int digits = 6;       ///< six, seven or eight
    int period = 30;      ///< seconds, 1 to 3600; TOTP only
    Counter counter = 0;  ///< the first counter the device will show; HOTP only
    SecretBytes secret;   ///< the shared secret as raw bytes, 1 to 128

    bool operator==(const Credential&) const = default;
};

/// Secrets shorter than this are refused where a new one is enrolled (RFC 4226 §4, R6: 128 bits).
inline constexpr std::size_t minimum_new_secret = 16;

/// How many random bytes a new secret gets: as many as the hash gives (RFC 4226 §4, RFC 6238 §3).
std::size_t recommended_secret_size(Algorithm algorithm);

/// "SHA1", "SHA256", "SHA512": as key URIs, options and records write them.
std::string_view name_of(Algorithm algorithm);
std::optional<Algorithm> algorithm_named(std::string_view name);
std::string_view name_of(CredentialType type);

/// What has to be chosen in an app beside the key: "time-based, SHA1, 6 digits, 30 s".
Sentence parameters_of(const Credential& credential);

/// A credential as a key URI carries it.
struct KeyUri {
    Credential credential;
    std::string issuer;  ///< who the account is with; may be empty
    std::string label;   ///< the account or, in our own records, the device's name; may be empty
};

/// Reads an otpauth:// key URI (the Key Uri Format of google-authenticator's wiki).
///
/// Absent parameters take the format's defaults: SHA1, 6 digits, 30 s. A counter must be there for hotp;
/// one on totp, and a period on hotp, mean nothing.
/// An issuer before the label's colon counts where there is no parameter of that name; both must agree.
/// Refused with the parameter's name: doubled ones, values out of range, and names that aren't known, for
/// they may change what the code is. `image`, `icon`, `color` and `lock` only decorate and are passed over.
Result<KeyUri> parse_key_uri(std::string_view uri);

/// Which parameters a key URI spells out.
enum class UriParameters {
    all,          ///< for our own records
    not_default,  ///< for apps: the shorter, the smaller and the easier to scan is its QR code
};

/// The key URI for `key`. Secret: it holds the key.
SecretBytes format_key_uri(const KeyUri& key, UriParameters parameters = UriParameters::all);

/// Names a device in a login state without giving its secret away: 16 hexadecimal digits.
/// Derived from the secret and everything that decides which code belongs to which counter, so the same
/// device enrolled again keeps its replay protection and a different one never inherits it.
std::string device_id(const Credential& credential);

}  // namespace totp
