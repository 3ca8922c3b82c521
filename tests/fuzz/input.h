// What a fuzz target is given, and how it says that a promise was broken.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

inline void promise(bool is_kept) {
    if (!is_kept) std::abort();
}
