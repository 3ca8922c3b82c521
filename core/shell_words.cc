#include "core/shell_words.h"

#include <algorithm>

#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view harmless = "/._-+@%:,=";  // to a shell, beside letters and digits

bool is_printable(char c) { return c >= ' ' && c < 127; }

/// As three octal digits, which end where they end, whatever follows.
std::string octal(char c) {
    const auto byte = static_cast<unsigned char>(c);
    const auto digit = [&](int shift) { return static_cast<char>('0' + (byte >> shift & 7)); };
    return {'\\', digit(6), digit(3), digit(0)};
}

std::string in_quotes(std::string_view word) {
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'') {
            quoted += R"('\'')";
        } else {
            quoted += c;
        }
    }
    return quoted + "'";
}

std::string in_dollar_quotes(std::string_view word) {
    std::string quoted = "$'";
    for (const char c : word) {
        if (!is_printable(c)) {
            quoted += octal(c);
        } else {
            if (c == '\'' || c == '\\') quoted += '\\';
            quoted += c;
        }
    }
    return quoted + "'";
}

}  // namespace

std::string shell_word(std::string_view word) {
    const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
        return is_alphanumeric(c) || harmless.find(c) != std::string_view::npos;
    });
    if (is_plain) return std::string(word);
    return std::ranges::all_of(word, is_printable) ? in_quotes(word) : in_dollar_quotes(word);
}

std::string command_line(const std::string& command, const std::vector<std::string>& words) {
    auto line = command;
    for (const auto& word : words) {
        line += ' ';
        line += shell_word(word);
    }
    return line;
}

std::string command_for_each(const std::string& command, const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) {
        line += line.empty() ? "" : " && ";
        line += command;
        line += ' ';
        line += shell_word(word);
    }
    return line;
}

}  // namespace totp
