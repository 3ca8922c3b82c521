// Base 64 (RFC 4648 §4), with padding and in one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret_bytes.h"

namespace totp {

std::string base64_encode(const SecretBytes& octets);

/// Nothing for any text but the one that base64_encode() gives.
std::optional<SecretBytes> base64_decode(std::string_view text);

}  // namespace totp
