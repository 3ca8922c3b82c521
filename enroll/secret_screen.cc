#include "enroll/secret_screen.h"

#include <algorithm>
#include <cwchar>
#include <string_view>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "enroll/terminal.h"
#include "enroll/terminfo.h"

namespace totp {
namespace {

void read_terminfo(Terminal& terminal) {
    if (!load_terminfo()) return;
    terminal.has_colours = terminfo_number("colors") >= 8;
    terminal.can_show_secrets = !terminfo_to_row(0).empty() && !terminfo_text("el").empty();
    terminal.enter = terminfo_text("smcup");
    terminal.leave = terminfo_text("rmcup");
}

/// How many cells of a row it takes, in the encoding of the locale; what isn't text there, a cell for a byte.
int cells_of(std::string_view text) {
    int cells = 0;
    std::mbstate_t state{};
    while (!text.empty()) {
        wchar_t character = 0;
        auto size = std::mbrtowc(&character, text.data(), text.size(), &state);
        if (size == 0 || size > text.size()) {
            size = 1;
            state = {};
        }
        cells += std::max(0, size == 1 ? 1 : wcwidth(character));
        text.remove_prefix(size);
    }
    return cells;
}

/// Text for the terminal; one that is gone takes nothing, and there is nobody to tell.
void send(std::string_view text) { static_cast<void>(!write(STDOUT_FILENO, text.data(), text.size())); }

}  // namespace

Terminal examine_terminal() {
    Terminal terminal;
    terminal.is_utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
    if (isatty(STDOUT_FILENO) != 1) return terminal;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal.columns = size.ws_col;
        terminal.rows = size.ws_row;
    }
    read_terminfo(terminal);
    terminal.can_show_secrets = terminal.can_show_secrets && can_ask();
    return terminal;
}

int rows_of(std::span<const SecretBytes> lines, const Terminal& terminal) {
    int rows = 0;
    for (const auto& line : lines) {
        const auto cells = std::max(1, cells_of(line.text()));
        rows += (cells + terminal.columns - 1) / terminal.columns;
    }
    return rows;
}

SecretScreen::SecretScreen(Terminal terminal) : terminal_(std::move(terminal)) {
    send(terminal_.enter);
    wipe();
}

SecretScreen::~SecretScreen() {
    wipe();
    send(terminal_.leave);
}

/// Row by row, ending at the first: many terminals keep what is erased all at once in their scroll-back.
void SecretScreen::wipe() const {
    const auto erase = terminfo_text("el");
    std::string all;
    for (int row = examine_terminal().rows; row-- > 0;) all += terminfo_to_row(row) + erase;
    send(all);
}

void SecretScreen::show(std::span<const SecretBytes> lines) const {
    wipe();
    SecretBytes page;
    for (const auto& line : lines) {
        page.append(line.text());
        page.append("\n");
    }
    print(page.text());
}

}  // namespace totp
