#include "enroll/terminal.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "core/privilege.h"
#include "enroll/exit_code.h"

namespace totp {
namespace {

constexpr std::size_t longest_line = 4'096;

/// False where the descriptor doesn't take all of it.
bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto count = write(descriptor, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

/// A question to the terminal: stderr, or where that was sent elsewhere the terminal itself; stdout is for
/// answers.
void put(std::string_view question) {
    if (isatty(STDERR_FILENO) == 1) {
        say(question);
    } else if (const Descriptor terminal(open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC)); terminal) {
        static_cast<void>(write_all(terminal.number(), question));
    }
}

/// The terminal at stdin in another mode; back in its own when this goes.
class TerminalMode {
  public:
    /// Without the local modes `without`.
    explicit TerminalMode(tcflag_t without) : is_changed_(tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!is_changed_) return;
        auto changed = before_;
        changed.c_lflag &= ~without;
        if ((without & ICANON) != 0) {
            changed.c_cc[VMIN] = 1;
            changed.c_cc[VTIME] = 0;
        }
        tcsetattr(STDIN_FILENO, TCSADRAIN, &changed);
    }
    ~TerminalMode() {
        if (is_changed_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    }
    TerminalMode(const TerminalMode&) = delete;
    TerminalMode& operator=(const TerminalMode&) = delete;

  private:
    termios before_{};
    bool is_changed_;
};

/// One byte of stdin; nothing at its end.
std::optional<char> read_byte(const SignalsHeldBack& signals) {
    for (;;) {
        signals.wait_for_input();
        char byte = 0;
        const auto count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        return count == 1 ? std::optional(byte) : std::nullopt;
    }
}

/// A file's line may end as they end on Windows. On a terminal Ctrl-V Ctrl-M is something that was typed.
void drop_carriage_return(SecretBytes& line) {
    if (!can_ask() && line.text().ends_with('\r')) line.resize(line.size() - 1);
}

std::optional<SecretBytes> read_line(const SignalsHeldBack& signals) {
    SecretBytes line;
    for (;;) {
        const auto byte = read_byte(signals);
        if (!byte) return line.empty() ? std::nullopt : std::optional(std::move(line));
        if (*byte == '\n') {
            drop_carriage_return(line);
            return line;
        }
        if (line.size() == longest_line) return std::nullopt;
        line.append({&*byte, 1});
    }
}

/// What was answered, as answers are compared: without blanks around it, the letters A to Z as small ones.
std::string plain(std::string_view answer) {
    constexpr std::string_view blanks = " \t\r";
    const auto begin = std::min(answer.find_first_not_of(blanks), answer.size());
    std::string text(answer.substr(begin, answer.find_last_not_of(blanks) + 1 - begin));
    for (auto& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

/// Whether the answer stands between two bars.
bool is_one_of(std::string_view answer, std::string_view answers) {
    const bool is_an_answer = !answer.empty() && answer.find('|') == std::string_view::npos;
    return is_an_answer && answers.find("|" + std::string(answer) + "|") != std::string_view::npos;
}

}  // namespace

void print(std::string_view text) {
    if (!write_all(STDOUT_FILENO, text)) throw OutputFailed(errno);
}

void print_line(const Sentence& sentences) { print(sentences.translated() + "\n"); }

void say(std::string_view text) { static_cast<void>(write_all(STDERR_FILENO, text)); }

void complain(const Sentence& sentence) { say("totp-enroll: " + sentence.translated() + "\n"); }

int complain(const Failure& failure) {
    complain(failure.message);
    switch (failure.trouble) {
        case Trouble::input: return exit_usage;
        case Trouble::caller: return exit_not_permitted;
        case Trouble::settings:
        case Trouble::key:
        case Trouble::store:
        case Trouble::system: return exit_unusable;
    }
    return exit_unusable;
}

std::string rfc3339(std::int64_t unix_time) {
    std::tm utc{};
    gmtime_r(&unix_time, &utc);
    char text[sizeof "9999-12-31T23:59:59Z"];
    static_cast<void>(std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
    return text;
}

/// One that is ignored would wait too while it is blocked.
SignalsHeldBack::SignalsHeldBack() {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) {
        if (!is_ignored(number)) sigaddset(&ending, number);
    }
    sigprocmask(SIG_BLOCK, &ending, &before_);
    arrivals_ = Descriptor(signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalsHeldBack::~SignalsHeldBack() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

bool SignalsHeldBack::have_come() const {
    pollfd event{.fd = arrivals_.number(), .events = POLLIN, .revents = 0};
    return poll(&event, 1, 0) == 1;
}

void SignalsHeldBack::forget() const {
    signalfd_siginfo arrival{};
    while (read(arrivals_.number(), &arrival, sizeof arrival) == sizeof arrival) {
    }
}

void SignalsHeldBack::wait_for_input() const {
    pollfd events[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                       {.fd = arrivals_.number(), .events = POLLIN, .revents = 0}};
    while (poll(events, 2, -1) < 0 && errno == EINTR) {
    }
    if (events[1].revents != 0) throw Interrupted{};
}

std::optional<SecretBytes> ask_line(const Sentence& question, Typing typing) {
    const SignalsHeldBack signals;
    if (!can_ask()) return read_line(signals);
    std::optional<TerminalMode> mode;
    if (typing == Typing::hidden) {
        mode.emplace(tcflag_t{ECHO});
        forget_typed();  // it was echoed
    }
    put(question.translated());
    auto line = read_line(signals);
    if (typing == Typing::hidden) put("\n");
    return line;
}

void forget_typed() { tcflush(STDIN_FILENO, TCIFLUSH); }

void wait_for_key() {
    const SignalsHeldBack signals;
    const TerminalMode mode(ICANON | ECHO);
    static_cast<void>(read_byte(signals));
}

bool can_ask() { return isatty(STDIN_FILENO) == 1; }

bool is_yes(const std::optional<SecretBytes>& answer) {
    const auto given = answer ? plain(answer->text()) : std::string();
    // TRANSLATORS: the answers that mean yes where a question ends in [y/N], between bars. The English ones
    // mean it in every language. Of the letters A to Z the small ones will do.
    for (const auto& answers : {std::string("|y|yes|"), tr("|y|yes|").translated()}) {
        if (is_one_of(given, plain(answers))) return true;
    }
    return false;
}

}  // namespace totp
