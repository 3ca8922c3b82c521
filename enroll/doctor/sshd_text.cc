#include "enroll/doctor/sshd_text.h"

#include <algorithm>
#include <optional>

#include "enroll/doctor/small_letters.h"

namespace totp {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

void skip_blanks(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
}

/// The keyword, and the one `=` that may stand behind it, taken off `rest`.
std::string take_keyword(std::string_view& rest) {
    skip_blanks(rest);
    const auto end = std::min(rest.find_first_of(" \t\r\f\v=\""), rest.size());
    auto keyword = in_small_letters(rest.substr(0, end));
    rest.remove_prefix(end);
    skip_blanks(rest);
    if (rest.starts_with('=')) rest.remove_prefix(1);
    return keyword;
}

/// What stands in quotes is taken as it is, and so is what a backslash makes of a quote or of itself.
std::string take_word(std::string_view& rest) {
    std::string word;
    char quote = '\0';
    std::size_t at = 0;
    for (; at < rest.size(); ++at) {
        const char c = rest[at];
        const char next = at + 1 < rest.size() ? rest[at + 1] : '\0';
        if (c == '\\' && (next == '\'' || next == '"' || next == '\\' || (quote == '\0' && next == ' '))) {
            word += rest[++at];
        } else if (quote == '\0' && blanks.find(c) != std::string_view::npos) {
            break;
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else {
            word += c;
        }
    }
    rest.remove_prefix(at);
    return word;
}

std::optional<std::string> next_argument(std::string_view& rest) {
    skip_blanks(rest);
    if (rest.empty() || rest.front() == '#') return std::nullopt;
    return take_word(rest);
}

}  // namespace

std::vector<SshdTextLine> sshd_text(std::string_view content) {
    std::vector<SshdTextLine> lines;
    int number = 0;
    while (!content.empty()) {
        const auto end = std::min(content.find('\n'), content.size());
        auto rest = content.substr(0, end);
        content.remove_prefix(std::min(end + 1, content.size()));
        ++number;
        skip_blanks(rest);
        if (rest.empty() || rest.front() == '#') continue;
        SshdTextLine line{number, take_keyword(rest), {}};
        while (auto argument = next_argument(rest)) line.arguments.push_back(*std::move(argument));
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<std::string> comma_separated(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(',', start), text.size());
        parts.emplace_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

}  // namespace totp
