// The system's terminfo entry of the terminal that TERM names. Apart, because of what <term.h> defines.
#pragma once

#include <string>

namespace totp {

/// Whether there is one; the questions below are about it.
bool load_terminfo();

/// A capability by its terminfo name, without padding; empty where the terminal hasn't it.
std::string terminfo_text(const char* name);

/// What moves the cursor to the beginning of a row, the first being 0; likewise.
std::string terminfo_to_row(int row);

/// Likewise; below 0 where it hasn't.
int terminfo_number(const char* name);

}  // namespace totp
