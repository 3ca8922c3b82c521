#include "core/percent.h"

#include <charconv>
#include <climits>

namespace totp {

std::string log_word(std::string_view name, std::string_view value) {
    const auto encoded = percent_encode(value, is_kept_in_word);
    return std::string(name) + "=" + (encoded.empty() ? "-" : encoded);
}

std::string printable(std::string_view text) { return printable_path(text.substr(0, 80)); }

/// No file has a longer path than that.
std::string printable_path(std::string_view path) {
    return percent_encode(path.substr(0, PATH_MAX), [](char c) { return c >= ' ' && c < 127 && c != '%'; });
}

std::optional<SecretBytes> percent_decode(std::string_view encoded) {
    SecretBytes text;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        if (encoded[i] != '%') {
            text.append(encoded.substr(i, 1));
            continue;
        }
        const auto hex = encoded.substr(i + 1, 2);
        unsigned byte = 0;
        const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
        if (error != std::errc() || hex.size() != 2 || end != hex.data() + 2) return std::nullopt;
        const char character = static_cast<char>(byte);
        text.append({&character, 1});
        i += 2;
    }
    return text;
}

}  // namespace totp
