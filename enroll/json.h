// Facts for scripts, on stdout.
#pragma once

#include <iostream>

#include <nlohmann/json.hpp>

namespace totp {

using Json = nlohmann::ordered_json;  // in the order the manual gives them

/// A user's name may hold bytes that aren't UTF-8; they must not cost anybody their secret.
inline void print_json(const Json& facts) {
    std::cout << facts.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace totp
