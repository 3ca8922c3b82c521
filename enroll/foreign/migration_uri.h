// What Google Authenticator's "export accounts" shows as QR codes: otpauth-migration://offline?data=… with
// base 64 of a protocol buffer (varints and length-delimited fields; protobuf.dev, "Encoding").
//
//     payload     1 credential, any number; 2 version; 3 batch size; 4 batch index; 5 batch id
//     credential  1 secret; 2 name; 3 issuer; 4 algorithm (1 SHA1, 2 SHA256, 3 SHA512); 5 digits (1 six,
//                 2 eight, 3 seven); 6 type (1 counter, 2 time); 7 counter; 8 an id
#pragma once

#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/failure.h"

namespace totp {

inline constexpr std::string_view migration_scheme = "otpauth-migration://";

/// One of the URIs that an export is spread over.
struct Migration {
    std::vector<KeyUri> keys;  ///< periods are 30 s: the format has no others
    int part = 1;              ///< from 1
    int parts = 1;
};

/// What the URI says. Absent fields take the values that absent parameters of key URIs have; the type must be
/// there. All that isn't of this shape, fields that aren't known and values out of range are refused, as a
/// clause to follow "the migration URI".
Result<Migration> parse_migration_uri(std::string_view uri);

}  // namespace totp
