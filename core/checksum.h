// A checksum that tells a whole write from a torn one. No protection against people: that is core/seal's.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/hexadecimal.h"

namespace totp {

/// FNV-1a, 64 bits. Two texts of one length that differ in one byte always differ in it.
constexpr std::uint64_t checksum(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return sum;
}

/// The same as 16 hexadecimal digits.
inline std::string checksum_text(std::string_view text) {
    auto sum = checksum(text);
    std::array<std::uint8_t, 8> octets;
    for (int i = 7; i >= 0; --i, sum >>= 8) octets[i] = static_cast<std::uint8_t>(sum);
    return hexadecimal(octets);
}

}  // namespace totp
