// Percent-encoding (RFC 3986 §2.1), shared by key URIs, record names, states and log lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret_bytes.h"

namespace totp {

/// `text` with every byte that `keeps` doesn't keep written as %XX in capitals. '%' itself must not be kept.
template <class Keeps>
std::string percent_encode(std::string_view text, Keeps keeps) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        if (keeps(c)) {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return encoded;
}

/// What a word of a log line, an order or an answer keeps: printable ASCII but for blanks and '%'.
constexpr bool is_kept_in_word(char c) { return c > ' ' && c < 127 && c != '%'; }

/// `name=value` for a log line: what no word keeps as %XX; "-" for an empty value.
std::string log_word(std::string_view name, std::string_view value);

/// Text from outside, fit for one log line: cut to 80 bytes, what isn't printable ASCII as %XX.
std::string printable(std::string_view text);

/// The same of a path that somebody gave, whole: cut it would name another file.
std::string printable_path(std::string_view path);

/// The text that `encoded` stands for, or nothing where a '%' isn't followed by two hexadecimal digits.
/// It may be a secret: the caller knows what stood there.
std::optional<SecretBytes> percent_decode(std::string_view encoded);

/// ASCII letters and digits, whatever the locale.
constexpr bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What RFC 3986 §2.3 never encodes.
constexpr bool is_unreserved(char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

}  // namespace totp
