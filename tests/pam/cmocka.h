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

/// Fails the running case unless `is_so`; `what` says of what.
inline void claim(bool is_so, const std::string& what, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    if (is_so) return;
    print_error("not so: %s\n", what.c_str());
    _fail(file, line);
}
