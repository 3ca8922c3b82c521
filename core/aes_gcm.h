// AES-256-GCM (NIST SP 800-38D): what is encrypted can be read only with the key, and for what it is bound
// to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/secret_bytes.h"

namespace totp {

inline constexpr std::size_t aes_key_size = 32;
inline constexpr std::size_t gcm_nonce_size = 12;

/// Nonce, ciphertext and tag (16 bytes) in one. A nonce must never come twice under one key.
SecretBytes encrypt(const SecretBytes& key, const SecretBytes& nonce, std::string_view bound_to,
                    const SecretBytes& plaintext);

/// The plaintext; nothing if encrypt() didn't make `box` with this key for this binding.
std::optional<SecretBytes> decrypt(const SecretBytes& key, std::span<const std::uint8_t> box,
                                   std::string_view bound_to);

}  // namespace totp
