// CMocka, with what it needs before it.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>

extern "C" {
#include <cmocka.h>
}
#undef fail  // CMocka's macros would rewrite the members of streams
#undef skip

/// Fails the running case unless `is_so`; `what` tells which row of a table, line of a vector or file it was.
inline void claim(bool is_so, const std::string& what, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    if (is_so) return;
    print_error("not so: %s\n", what.c_str());
    _fail(file, line);
}

/// Says how many cases the running one has tried, for tests/promises.py.
inline void count_cases(std::size_t cases) { print_message("%zu cases\n", cases); }
