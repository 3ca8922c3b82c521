// The lines of another program's file, numbered as its editor shows them, and their words.
#pragma once

#include <string_view>
#include <vector>

#include "core/failure.h"

namespace totp {

struct Line {
    int number;             ///< from 1
    std::string_view text;  ///< without its end, which is \n or \r\n
};

/// A byte order mark that the text begins with is in none of them.
std::vector<Line> lines_of(std::string_view text);

/// Without the blanks and tabs at its ends.
std::string_view without_blanks(std::string_view text);

/// What stands between blanks, tabs and carriage returns, which are blanks to those programs too.
std::vector<std::string_view> words_of(std::string_view line);

/// "has a wrong line 3: WHAT", to follow a file's name.
Failure wrong_line(int number, const Sentence& what);

}  // namespace totp
