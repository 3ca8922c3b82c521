// Commands that are to be typed as they stand: in what people read, and in log lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace totp {

/// The word as a shell takes it, in printable ASCII: as it is, 'in quotes' where it needs them, or in
/// $'quotes' with octal bytes where there are others than printable ASCII (POSIX.1-2024 §2.2.4; bash, zsh and
/// ksh, but not every sh).
std::string shell_word(std::string_view word);

/// `command` and the words behind it.
std::string command_line(const std::string& command, const std::vector<std::string>& words);

/// `command WORD && command WORD`: for commands that take one.
std::string command_for_each(const std::string& command, const std::vector<std::string>& words);

}  // namespace totp
