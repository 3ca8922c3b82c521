// A page of the terminal for what must not stay there: keys, QR codes, recovery codes.
#pragma once

#include <span>
#include <string>

#include "core/secret_bytes.h"

namespace totp {

/// What the terminal at stdin and stdout is and can do.
struct Terminal {
    bool can_show_secrets = false;  ///< stdin and stdout are one whose screen can be wiped
    bool has_colours = false;
    bool is_utf8 = false;  ///< by the locale: setlocale() must have been called
    int columns = 80;
    int rows = 24;
    std::string enter;  ///< switches to the screen that has no scroll-back; empty where there is none
    std::string leave;
};

/// By TERM, in the system's terminfo. Asks anew each time: windows change their size.
Terminal examine_terminal();

/// How many rows of the terminal the lines take; one cell for each byte.
int rows_of(std::span<const SecretBytes> lines, const Terminal& terminal);

/// Shows pages, each in place of the one before. The last one is wiped when this goes, however that comes
/// about. The caller holds back the signals that would end the program in between.
class SecretScreen {
  public:
    /// For a terminal with can_show_secrets.
    explicit SecretScreen(Terminal terminal);
    ~SecretScreen();
    SecretScreen(const SecretScreen&) = delete;
    SecretScreen& operator=(const SecretScreen&) = delete;

    /// The lines, and below them where the next question stands.
    void show(std::span<const SecretBytes> lines) const;

  private:
    void wipe() const;

    Terminal terminal_;
};

}  // namespace totp
