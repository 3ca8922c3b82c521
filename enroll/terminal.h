// What totp-enroll says and hears, at a terminal or in a script.
#pragma once

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

// ---- saying

/// Stdout took not all of what print() was given.
struct OutputFailed : std::runtime_error {
    explicit OutputFailed(int error_number)
        : std::runtime_error("stdout takes nothing"), reason(Sentence::of_error(error_number)) {}
    Sentence reason;
};

/// All of the text to stdout, which may hold a secret: no buffer keeps it. Throws OutputFailed.
void print(std::string_view text);

/// Sentences to stdout, as a line, in the language of the locale. Throws OutputFailed.
void print_line(const Sentence& sentences);

/// As print(), to stderr, as far as it takes it.
void say(std::string_view text);

/// One sentence to stderr, after the program's name, in the language of the locale.
void complain(const Sentence& sentence);

/// The same for a failure of the world; returns the exit code that goes with it.
int complain(const Failure& failure);

/// The moment as people and scripts read it: RFC 3339, in UTC.
std::string rfc3339(std::int64_t unix_time);

// ---- hearing

/// The person wants to leave, or the terminal is gone.
struct Interrupted {};

/// For as long as it lives, SIGINT, SIGTERM, SIGQUIT and SIGHUP wait, unless they are ignored: a terminal or
/// a file can be put in order before they end the program, which they do when the outermost of these goes.
class SignalsHeldBack {
  public:
    SignalsHeldBack();
    ~SignalsHeldBack();
    SignalsHeldBack(const SignalsHeldBack&) = delete;
    SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;

    /// Whether one has come so far: what takes long ends early, and in order.
    bool have_come() const;

    /// Those that have come so far were meant for something else.
    void forget() const;

    /// Waits until there is something on stdin, its end included. Throws Interrupted where a signal comes
    /// first.
    void wait_for_input() const;

  private:
    sigset_t before_;
    Descriptor arrivals_;
};

enum class Typing { shown, hidden };

/// Asks on the terminal if stdin is one (stdout may be read by a script) and reads one line without its end:
/// a newline, in a file also a carriage return before it. Nothing at the end of input, and for a line longer
/// than 4,096 bytes. Throws Interrupted.
std::optional<SecretBytes> ask_line(const Sentence& question, Typing typing = Typing::shown);

/// What was typed so far was for something else.
void forget_typed();

/// Waits for any key on the terminal. Throws Interrupted.
void wait_for_key();

/// Whether somebody sits at stdin and can be asked.
bool can_ask();

/// Whether the answer to a question on the terminal is yes, in English or in the language of the locale, in
/// capitals or not, with blanks around it or without.
bool is_yes(const std::optional<SecretBytes>& answer);

}  // namespace totp
