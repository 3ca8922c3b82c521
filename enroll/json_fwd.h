// Facts for scripts, on stdout, for whoever passes them on; enroll/json.h is for whoever makes or reads them. They may
// hold secrets: what they are made of is wiped when it goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/secret_bytes.h"

namespace totp {

using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

/// In the order the manual gives the facts in.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, SecretText, bool, std::int64_t,
                                  std::uint64_t, double, WipingAllocator>;

/// A user's name may hold bytes that aren't UTF-8; they must not cost anybody their secret.
void print_json(const Json& facts);
void print_json_line(const Json& facts);  ///< on one line, where there are several
SecretText json_line_of(const Json& facts);

std::string text_of(const Json& text);  ///< a text of the facts, for people

}  // namespace totp
