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

namespace {

const char* capability(const char* name) {
    const char* text = tigetstr(name);
    return reinterpret_cast<std::intptr_t>(text) != -1 ? text : nullptr;
}

/// `$<50>` asks for a pause that only terminals of old need.
std::string without_padding(const char* text) {
    std::string all = text != nullptr ? text : "";
    for (auto start = all.find("$<"); start != std::string::npos; start = all.find("$<", start)) {
        const auto end = all.find('>', start);
        if (end == std::string::npos) break;
        all.erase(start, end - start + 1);
    }
    return all;
}

}  // namespace

std::string terminfo_text(const char* name) { return without_padding(capability(name)); }

std::string terminfo_to_row(int row) {
    const char* text = capability("cup");
    return text != nullptr ? without_padding(tparm(text, row, 0)) : "";
}

int terminfo_number(const char* name) { return tigetnum(name); }

}  // namespace totp
