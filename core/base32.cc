#include "core/base32.h"

namespace totp {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::optional<unsigned> value_of(char symbol) {
    if (symbol >= 'a' && symbol <= 'z') return symbol - 'a';
    if (symbol >= 'A' && symbol <= 'Z') return symbol - 'A';
    if (symbol >= '2' && symbol <= '7') return symbol - '2' + 26;
    return std::nullopt;
}

bool is_separator(char c) { return c == ' ' || c == '-'; }

std::string_view without_padding(std::string_view text) {
    while (!text.empty() && (text.back() == '=' || is_separator(text.back()))) text.remove_suffix(1);
    return text;
}

bool is_possible_length(std::size_t symbols) {
    const auto rest = symbols % 8;
    return rest != 1 && rest != 3 && rest != 6;
}

}  // namespace

SecretBytes base32_encode(std::span<const std::uint8_t> octets) {
    SecretBytes text;
    std::uint32_t bits = 0;
    int held = 0;
    for (const auto octet : octets) {
        bits = bits << 8 | octet;
        for (held += 8; held >= 5; held -= 5) text.append(alphabet.substr(bits >> (held - 5) & 31, 1));
    }
    if (held > 0) text.append(alphabet.substr(bits << (5 - held) & 31, 1));
    return text;
}

std::optional<SecretBytes> base32_decode(std::string_view text) {
    SecretBytes octets((text.size() * 5) / 8);
    std::uint32_t bits = 0;
    int held = 0;
    std::size_t symbols = 0;
    std::size_t size = 0;
    for (const char c : without_padding(text)) {
        if (is_separator(c)) continue;
        const auto value = value_of(c);
        if (!value) return std::nullopt;
        ++symbols;
        bits = bits << 5 | *value;
        held += 5;
        if (held >= 8) {
            held -= 8;
            octets.data()[size++] = static_cast<std::uint8_t>(bits >> held);
        }
    }
    if (!is_possible_length(symbols)) return std::nullopt;
    octets.resize(size);
    return octets;
}

SecretBytes in_groups_of_four(const SecretBytes& text) {
    SecretBytes grouped;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        if (i > 0) grouped.append(" ");
        grouped.append(text.text().substr(i, 4));
    }
    return grouped;
}

}  // namespace totp
