// Facts for scripts, on stdout. They may hold secrets: what they are made of is wiped when it goes.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "core/secret_bytes.h"
#include "enroll/terminal.h"

namespace totp {

using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

/// In the order the manual gives the facts in.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, SecretText, bool, std::int64_t,
                                  std::uint64_t, double, WipingAllocator>;

/// A user's name may hold bytes that aren't UTF-8; they must not cost anybody their secret.
inline void print_json(const Json& facts) {
    print(facts.dump(2, ' ', false, Json::error_handler_t::replace));
    print("\n");
}

/// The same on one line, where there are several.
inline void print_json_line(const Json& facts) {
    print(facts.dump(-1, ' ', false, Json::error_handler_t::replace));
    print("\n");
}

/// A text of the facts, for people.
inline std::string text_of(const Json& text) { return std::string(text.get_ref<const SecretText&>()); }

}  // namespace totp
