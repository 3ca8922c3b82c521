// alice's phone: what is enrolled of it, and what it shows.
#pragma once

#include <string>

#include "core/otp.h"
#include "core/secret_bytes.h"

namespace phone {

inline constexpr const char* enrolment = "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n";

inline std::string right_code(totp::UnixTime now) {
    const totp::SecretBytes secret{std::string_view("12345678901234567890")};
    const auto code =
        totp::KeyedHash(secret.octets(), totp::Algorithm::sha1).code(totp::time_step(now, 30), 6);
    const auto digits = std::to_string(code);
    return std::string(6 - digits.size(), '0') + digits;
}

/// Six digits that it doesn't show.
inline std::string wrong_code(totp::UnixTime now) {
    auto code = right_code(now);
    code[0] = code[0] == '9' ? '0' : static_cast<char>(code[0] + 1);
    return code;
}

}  // namespace phone
