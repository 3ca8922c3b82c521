// Findings about many accounts or files in one sentence: the first few by name, and how many others.
#pragma once

#include <string>
#include <vector>

namespace totp {

/// So many are named, and a command is for no more than these.
inline constexpr std::size_t most_named = 5;

/// "alice", "alice and bob", "alice, bob and 3 others".
std::string names_in_words(const std::vector<std::string>& names);

/// `one` where it is about one, else `many`.
std::string by_count(std::size_t count, const std::string& one, const std::string& many);

}  // namespace totp
