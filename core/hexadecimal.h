// Octets as lower-case hexadecimal text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace totp {

inline constexpr std::string_view hexadecimal_digits = "0123456789abcdef";

inline std::string hexadecimal(std::span<const std::uint8_t> octets) {
    std::string text;
    for (const auto octet : octets) text += {hexadecimal_digits[octet >> 4], hexadecimal_digits[octet & 15]};
    return text;
}

inline std::optional<std::vector<std::uint8_t>> parse_hexadecimal(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::uint8_t> octets;
    for (; !text.empty(); text.remove_prefix(2)) {
        const auto high = hexadecimal_digits.find(text[0]);
        const auto low = hexadecimal_digits.find(text[1]);
        if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
        octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
    }
    return octets;
}

}  // namespace totp
