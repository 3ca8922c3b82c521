// What a fuzz target is given, and how it says that a promise was broken.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

inline void promise(bool is_kept, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (is_kept) return;
    std::fprintf(stderr, "%s:%d: a promise is broken\n", file, line);
    std::abort();
}
