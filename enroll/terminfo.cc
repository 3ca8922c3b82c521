#include "enroll/terminfo.h"

#include <cstdint>

#include <curses.h>
// Its macros come after all that is ours.
#include <term.h>
#include <unistd.h>

namespace totp {

bool load_terminfo() {
    int outcome = 0;
    return setupterm(nullptr, STDOUT_FILENO, &outcome) == OK;
}

std::string terminfo_text(const char* name) {
    const char* text = tigetstr(name);
    const bool is_there = text != nullptr && reinterpret_cast<std::intptr_t>(text) != -1;
    return is_there ? text : "";
}

int terminfo_number(const char* name) { return tigetnum(name); }

}  // namespace totp
