// Octets as lower-case hexadecimal text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace totp {

inline std::string hexadecimal(std::span<const std::uint8_t> octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto octet : octets) text += {digits[octet >> 4], digits[octet & 15]};
    return text;
}

}  // namespace totp
