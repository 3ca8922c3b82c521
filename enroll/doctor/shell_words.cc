#include "enroll/doctor/shell_words.h"

#include <algorithm>

#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view harmless = "/._-+@%:,=";  // to a shell, beside letters and digits

}  // namespace

std::string shell_word(std::string_view word) {
    const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
        return is_alphanumeric(c) || harmless.find(c) != std::string_view::npos;
    });
    if (is_plain) return std::string(word);
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
