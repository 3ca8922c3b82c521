#include "enroll/secret_screen.h"

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
    const auto home = terminfo_text("home");
    const auto erase_below = terminfo_text("ed");
    terminal.can_show_secrets = !home.empty() && !erase_below.empty();
    terminal.wipe = home + erase_below;
    terminal.enter = terminfo_text("smcup");
    terminal.leave = terminfo_text("rmcup");
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

SecretScreen::SecretScreen(Terminal terminal) : terminal_(std::move(terminal)) {
    send(terminal_.enter + terminal_.wipe);
}

SecretScreen::~SecretScreen() { send(terminal_.wipe + terminal_.leave); }

void SecretScreen::show(std::span<const SecretBytes> lines) const {
    SecretBytes page(terminal_.wipe);
    for (const auto& line : lines) {
        page.append(line.text());
        page.append("\n");
    }
    print(page.text());
}

}  // namespace totp
