// Findings about many accounts or files in one sentence: the first few by name, and how many others.
#pragma once

#include <string>
#include <vector>

#include "core/sentence.h"

namespace totp {

/// So many are named, and a command is for no more than these.
inline constexpr std::size_t most_named = 5;

/// "alice", "alice and bob", "alice, bob and 3 others".
Sentence names_in_words(const std::vector<std::string>& names);

}  // namespace totp
