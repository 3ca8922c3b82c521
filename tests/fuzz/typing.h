// What a person types at the fuzzed machine, written so that a script needs to know no code.
#pragma once

#include <string>
#include <string_view>

/// A word that no log may hold.
inline constexpr std::string_view secret_word = "Xyzzy-42";

/// `text` as `user` types it now: @ stands for the code of the moment, [ and ] for those before and after it,
/// # for the next of alice's token, % for her recovery code, $ for secret_word, and * for all of the text
/// before it, 32 times. Another user's code is that of the key they were shown and haven't confirmed.
std::string typed(std::string_view text, const std::string& user);

/// `text` without what a person may put between digits.
std::string without_separators(std::string_view text);
