// What the person behind an account is handed: all that their app and they need, as a text to print.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/secret_bytes.h"

namespace totp {

struct HandOver {
    std::string user;
    std::string device;
    KeyUri key;
    std::vector<SecretBytes> recovery_codes;  ///< may be none
    std::string picture;                      ///< the file name of its QR code
};

SecretBytes format_hand_over(const HandOver& hand_over);

/// The key of which such a text is; nothing where it doesn't say, or names several.
std::optional<KeyUri> key_in_hand_over(std::string_view text);

/// The recovery codes in it, as they stand there.
std::vector<SecretBytes> recovery_codes_in_hand_over(std::string_view text);

}  // namespace totp
