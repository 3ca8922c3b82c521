// The text of sshd_config as lines and words, cut where sshd cuts them (sshd_config(5)). Knows no keyword.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace totp {

struct SshdTextLine {
    int number;           ///< from 1
    std::string keyword;  ///< in small letters
    std::vector<std::string> arguments;
};

/// The lines that say something: comments, and what is only blank, left out.
std::vector<SshdTextLine> sshd_text(std::string_view content);

/// The parts between commas; an empty one for each comma that has nothing before it.
std::vector<std::string> comma_separated(std::string_view text);

}  // namespace totp
