// Whole numbers as text, read strictly.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace totp {

/// The number that all of `text` spells in decimal digits, with a '-' only where Number is signed;
/// nothing for an empty text, for anything else beside the digits, and for what Number can't hold.
template <class Number>
std::optional<Number> parse_decimal(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Likewise, from `lowest` to `highest`. False, and `number` as it was, for anything else.
template <class Number>
bool read_decimal(std::string_view text, Number lowest, Number highest, Number& number) {
    const auto value = parse_decimal<Number>(text);
    if (!value || *value < lowest || *value > highest) return false;
    number = *value;
    return true;
}

}  // namespace totp
