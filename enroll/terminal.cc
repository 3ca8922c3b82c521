#include "enroll/terminal.h"

#include <cstdio>
#include <ctime>
#include <iostream>

#include <unistd.h>

#include "enroll/exit_code.h"

namespace totp {

void complain(const std::string& sentence) { std::cerr << "totp-enroll: " << sentence << "\n"; }

int complain(const Failure& failure) {
    complain(failure.message);
    return failure.trouble == Trouble::input ? exit_usage : exit_unusable;
}

std::optional<SecretBytes> ask_line(const std::string& question) {
    if (can_ask()) std::cerr << question << std::flush;
    SecretBytes line;
    for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
        if (c == EOF) return line.empty() ? std::nullopt : std::optional(std::move(line));
        const char character = static_cast<char>(c);
        line.append({&character, 1});
    }
    return line;
}

bool can_ask() { return isatty(STDIN_FILENO) == 1; }

std::string rfc3339(std::int64_t unix_time) {
    std::tm utc{};
    gmtime_r(&unix_time, &utc);
    char text[sizeof "9999-12-31T23:59:59Z"];
    static_cast<void>(std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
    return text;
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
