// RFC 4648 base 32, as authenticator apps write and accept it.
#pragma once

#include <optional>

#include "core/secret_bytes.h"

namespace totp {

/// RFC 4648 §6 in capitals, without the padding (apps neither need nor show it).
SecretBytes base32_encode(std::span<const std::uint8_t> octets);

/// The octets `text` stands for, or nothing if it isn't base 32.
///
/// Read as people type it: in any case, with blanks or hyphens between groups, with or without padding.
/// Bits left over after the last whole octet are dropped, as apps do. Lengths that no number of octets
/// gives (1, 3 or 6 symbols past a group of 8) are refused: a symbol was lost.
std::optional<SecretBytes> base32_decode(std::string_view text);

/// Base 32 as people copy it by eye: in groups of four, a blank apart.
SecretBytes in_groups_of_four(const SecretBytes& text);

}  // namespace totp
