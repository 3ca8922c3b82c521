#include "core/child_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/testing.h"

// ---- the time a program has, which a case may cut short, or have no end

namespace {

constexpr itimerspec twentieth_of_a_second{.it_interval = {},
                                           .it_value = {.tv_sec = 0, .tv_nsec = 50'000'000}};
constexpr itimerspec for_ever{};

time_t seconds_given = 0;                   // what was asked for last
const itimerspec* given_instead = nullptr;  // if anything else than that

}  // namespace

extern "C" int timerfd_settime(int timer, int flags, const itimerspec* time, itimerspec* before) noexcept {
    seconds_given = time->it_value.tv_sec;
    const auto* const given = given_instead != nullptr ? given_instead : time;
    return static_cast<int>(syscall(SYS_timerfd_settime, timer, flags, given, before));
}

// ---- how long is waited for anything that comes or doesn't

namespace {

int longest_wait = 0;  // in milliseconds, of those that have an end

}  // namespace

extern "C" int poll(pollfd* events, nfds_t count, int milliseconds) {
    static const auto libcs = reinterpret_cast<decltype(&poll)>(dlsym(RTLD_NEXT, "poll"));
    longest_wait = std::max(longest_wait, milliseconds);
    return libcs(events, count, milliseconds);
}

// ---- how a program is to begin, which may not be kept for want of memory

namespace {

bool is_memory_short = false;

}  // namespace

extern "C" int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t* files,
                                                    const char* directory) noexcept {
    static const auto libcs = reinterpret_cast<decltype(&posix_spawn_file_actions_addchdir_np)>(
        dlsym(RTLD_NEXT, "posix_spawn_file_actions_addchdir_np"));
    return is_memory_short ? ENOMEM : libcs(files, directory);
}

namespace totp::testing {
namespace {

/// A shell script, gone with the object.
class Script {
  public:
    explicit Script(std::string_view body) {
        write_file(path_, "#!/bin/sh\n" + std::string(body) + "\n", 0700);
    }

    Program program(std::vector<std::string> arguments = {}) const {
        return {path_.c_str(), std::move(arguments)};
    }

  private:
    TemporaryDirectory directory_;
    fs::path path_ = directory_.path() / "script";
};

const Program cat{"/bin/cat"};

std::string answer(const Program& program, std::string_view input = "") {
    return std::string(value_of(answer_of(program, input, 8'000)).text());
}

bool has_no_child() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

long open_descriptors() {
    const fs::directory_iterator entries("/proc/self/fd");
    return std::distance(begin(entries), end(entries));
}

// ---- question and answer

void returns_what_the_program_prints(void**) {
    assert_text(answer(Script("echo first; echo second").program()), "first\nsecond\n");
    assert_text(answer(Script("").program()), "");
}

void gives_the_program_its_input_and_then_the_end(void**) {
    const std::string_view input("two\nlines and a \0 between", 26);
    assert_true(answer(cat, input) == input);
    assert_text(answer(cat, ""), "");
}

void gives_the_program_its_arguments_as_they_are(void**) {
    const Script script("echo \"$#:$1:$2:$3\"");
    assert_text(answer(script.program({"two words; $x", "", "*"})), "3:two words; $x::*\n");
    assert_text(answer(script.program({"-T"})), "1:-T::\n");
    assert_text(answer(script.program()), "0:::\n");
}

void does_not_look_at_what_the_program_exits_with(void**) {
    assert_text(answer(Script("echo said; exit 3").program()), "said\n");
    assert_text(answer(Script("echo said; kill -9 $$").program()), "said\n");
}

void a_program_need_not_read_its_input(void**) {
    assert_text(answer(Script("echo said").program(), std::string(4'096, 'x')), "said\n");
}

void gives_4096_bytes_and_refuses_more(void**) {
    const std::string longest(4'096, 'x');
    assert_text(answer(cat, longest), longest);
    assert_failure(answer_of(cat, longest + "x", 8'000), Trouble::system,
                   "/bin/cat takes no more than 4096 bytes");
}

void takes_as_much_as_the_limit_and_no_more(void**) {
    assert_text(value_of(answer_of(cat, "0123456789", 10)).text(), "0123456789");
    assert_failure(answer_of(cat, "0123456789", 9), Trouble::system, "/bin/cat says more than it should");
    assert_text(value_of(answer_of(cat, "", 0)).text(), "");
}

void a_program_that_never_stops_talking_is_ended(void**) {
    assert_failure(answer_of({"/usr/bin/yes"}, "", 1'024), Trouble::system, "says more than it should");
    assert_true(has_no_child());
}

void names_the_program_that_cannot_be_started_and_says_why(void**) {
    const TemporaryDirectory directory;
    const auto missing = directory.path() / "missing";
    const auto plain = directory.path() / "plain";
    write_file(plain, "#!/bin/sh\n", 0600);
    const std::pair<fs::path, std::string> table[] = {{missing, "No such file or directory"},
                                                      {plain, "Permission denied"},
                                                      {directory.path(), "Permission denied"}};
    for (const auto& [path, error] : table) {
        assert_failure(answer_of({path.c_str()}, "", 10), Trouble::system,
                       path.string() + " can't be started: " + error);
    }
    assert_true(has_no_child());
}

/// It would have this process' directory and descriptors.
void a_program_that_would_begin_otherwise_is_not_started(void**) {
    is_memory_short = true;
    const auto said = answer_of(cat, "x", 10);
    is_memory_short = false;
    assert_failure(said, Trouble::system, "/bin/cat can't be started: Cannot allocate memory");
    assert_true(has_no_child());
}

// ---- what the program finds

void the_environment_is_empty(void**) {
    setenv("PAM_TOTP_TEST", "seen", 1);
    assert_text(answer({"/usr/bin/env"}), "");
}

void the_working_directory_is_the_root(void**) {
    assert_text(answer({"/bin/readlink", {"/proc/self/cwd"}}), "/\n");
}

/// The fourth is the one that ls lists the directory by.
void three_descriptors_are_open(void**) {
    const int left_open = dup2(STDERR_FILENO, 77);
    assert_int_equal(left_open, 77);
    assert_text(answer({"/bin/ls", {"/proc/self/fd"}}), "0\n1\n2\n3\n");
    close(left_open);
}

void complaints_go_nowhere_unless_they_are_asked_for(void**) {
    assert_text(answer({"/bin/readlink", {"/proc/self/fd/2"}}), "/dev/null\n");
    const Script script("echo complaint >&2; echo answer");
    assert_text(answer(script.program()), "answer\n");
    auto asked_for = script.program();
    asked_for.is_complaint_part_of_it = true;
    assert_text(answer(asked_for), "complaint\nanswer\n");
    assert_failure(answer_of(asked_for, "", 16), Trouble::system, "says more than it should");
}

/// The lines of a /proc/PID/status that say what a process does about signals, pending ones left out.
std::string about_signals(const std::string& status) {
    std::istringstream lines(status);
    std::string found;
    for (std::string line; std::getline(lines, line);) {
        for (const auto* name : {"SigBlk:", "SigIgn:", "SigCgt:"}) {
            if (line.starts_with(name)) found += line + "\n";
        }
    }
    return found;
}

/// While it lives this process blocks and ignores signals as no program expects it.
class OddSignals {
  public:
    OddSignals() {
        for (const int number : ignored) before_.push_back(std::signal(number, SIG_IGN));
        sigset_t blocked;
        sigemptyset(&blocked);
        for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGALRM}) sigaddset(&blocked, number);
        sigprocmask(SIG_SETMASK, &blocked, &mask_);
    }
    OddSignals(const OddSignals&) = delete;
    OddSignals& operator=(const OddSignals&) = delete;
    ~OddSignals() {
        for (std::size_t i = 0; i < std::size(ignored); ++i) std::signal(ignored[i], before_[i]);
        sigprocmask(SIG_SETMASK, &mask_, nullptr);
    }

  private:
    static constexpr int ignored[] = {SIGPIPE, SIGINT, SIGQUIT, SIGCHLD, SIGTSTP, SIGUSR2};
    std::vector<sighandler_t> before_;
    sigset_t mask_{};
};

/// But for the two that the C library keeps for itself, and ignores in what posix_spawn(3) starts.
void signals_do_what_they_do_by_default_and_none_is_blocked(void**) {
    const OddSignals odd;
    const std::string none = "0000000000000000\n";
    auto found = about_signals(answer({"/bin/cat", {"/proc/self/status"}}));
    if (const auto kept = found.find("180000000\n"); kept != std::string::npos) found.replace(kept, 2, "00");
    assert_text(found, "SigBlk:\t" + none + "SigIgn:\t" + none + "SigCgt:\t" + none);
}

// ---- what is left of it

void changes_no_signal_of_this_process(void**) {
    const OddSignals odd;
    const auto before = about_signals(content_of("/proc/self/status"));
    answer(cat, "x");
    static_cast<void>(answer_of(cat, "too long", 1));
    assert_text(about_signals(content_of("/proc/self/status")), before);
}

/// Over and over, because the program may be gone before anybody looks.
void answers_where_the_caller_ignores_its_children(void**) {
    const OddSignals odd;
    for (int i = 0; i < 20; ++i) assert_text(answer(cat, "answer"), "answer");
    assert_true(has_no_child());
}

void leaves_no_child_and_no_descriptor(void**) {
    const auto before = open_descriptors();
    answer(cat, "x");
    static_cast<void>(answer_of(cat, "too long", 1));
    static_cast<void>(answer_of(cat, std::string(5'000, 'x'), 1));
    static_cast<void>(answer_of({"/nonexistent"}, "", 1));
    assert_int_equal(open_descriptors(), before);
    assert_true(has_no_child());
}

void leaves_the_callers_other_children_alone(void**) {
    const pid_t other = fork();
    if (other == 0) _exit(7);
    answer(cat, "x");
    int status = 0;
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

// ---- programs that take their time

/// While it lives programs have so long; who waits for the end of what has none is ended here.
class Time {
  public:
    explicit Time(const itimerspec& given) {
        given_instead = &given;
        alarm(seconds_until_stuck);
    }
    Time(const Time&) = delete;
    Time& operator=(const Time&) = delete;
    ~Time() {
        given_instead = nullptr;
        alarm(0);
    }

  private:
    static constexpr unsigned seconds_until_stuck = 300;
};

void a_program_that_does_not_answer_in_five_seconds_is_ended(void**) {
    const Time little(twentieth_of_a_second);
    assert_failure(answer_of({"/bin/sleep", {"infinity"}}, "", 10), Trouble::system,
                   "/bin/sleep doesn't answer");
    assert_int_equal(seconds_given, 5);
    assert_true(has_no_child());
}

void half_an_answer_is_none(void**) {
    const Time little(twentieth_of_a_second);
    assert_failure(answer_of(Script("echo verdict=accepted; exec sleep infinity").program(), "", 100),
                   Trouble::system, "doesn't answer");
    assert_true(has_no_child());
}

/// Else this case would never end, nor would the next one.
void a_program_that_stays_after_its_answer_is_ended_at_once(void**) {
    const Time endless(for_ever);
    longest_wait = 0;
    assert_text(answer(Script("echo answer; exec >&-; exec sleep infinity").program()), "answer\n");
    assert_in_range(longest_wait, 1, 100);
    assert_true(has_no_child());
}

void a_program_that_ends_by_itself_is_not_waited_for(void**) {
    const Time endless(for_ever);
    for (int i = 0; i < 20; ++i) assert_text(answer(cat, "x"), "x");
}

void signals_to_the_caller_disturb_nothing(void**) {
    constexpr itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 1'000},
                              .it_value = {.tv_sec = 0, .tv_usec = 1'000}};
    const Time endless(for_ever);
    struct sigaction act {};
    act.sa_handler = [](int) {};  // and no SA_RESTART
    struct sigaction before {};
    sigaction(SIGALRM, &act, &before);
    setitimer(ITIMER_REAL, &often, nullptr);
    const auto said = answer_of(Script("sleep 0.1; echo first; sleep 0.1; echo second").program(), "", 100);
    constexpr itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before, nullptr);
    assert_text(value_of(said).text(), "first\nsecond\n");
    assert_true(has_no_child());
}

// ---- callers without standard descriptors

/// Each bit of `missing` is a standard descriptor.
bool is_answered_without(int missing) {
    const pid_t caller = fork();
    if (caller == 0) {
        for (int number = 0; number <= 2; ++number) {
            if ((missing >> number & 1) != 0) close(number);
        }
        const auto said = answer_of(cat, "answer", 10);
        _exit(said && said->text() == "answer" ? 0 : 1);
    }
    int status = 0;
    return waitpid(caller, &status, 0) == caller && status == 0;
}

void answers_whatever_standard_descriptors_the_caller_lacks(void**) {
    for (int missing = 1; missing < 8; ++missing)
        claim(is_answered_without(missing), std::to_string(missing));
}

// ---- a program that stands

std::string answer_to(const StandingProgram& program, std::string_view question) {
    return std::string(value_of(program.answer_to(question, "\n\n", 8'000)).text());
}

void one_program_answers_one_question_after_the_other(void**) {
    const Script script("while read -r first; do read -r rest; echo \"$$ $first\"; echo; done");
    const auto started = script.program();
    const auto program = value_of(StandingProgram::start(started));
    const auto first = answer_to(program, "one\n\n");
    const auto second = answer_to(program, "two\n\n");
    assert_text(first.substr(first.find(' ')), " one\n\n");
    assert_text(second.substr(second.find(' ')), " two\n\n");
    assert_text(first.substr(0, first.find(' ')), second.substr(0, second.find(' ')));
}

void a_question_may_be_longer_than_a_pipe_holds(void**) {
    const auto program = value_of(StandingProgram::start(cat));
    const auto question = std::string(65'536, 'x') + "\n\n";
    assert_true(value_of(program.answer_to(question, "\n\n", 70'000)).text() == question);
}

void each_question_has_the_whole_time(void**) {
    const Script script("while read -r first; do read -r rest; echo; echo; done");
    const auto program = value_of(StandingProgram::start(script.program()));
    for (int i = 0; i < 2; ++i) {
        seconds_given = 0;
        assert_text(answer_to(program, "x\n\n"), "\n\n");
        assert_int_equal(seconds_given, 5);
    }
    const Time little(twentieth_of_a_second);
    assert_failure(program.answer_to("x", "\n\n", 10), Trouble::system, "doesn't answer");
}

void an_answer_without_its_end_or_beyond_the_limit_is_none(void**) {
    const Script cut("read -r first; read -r rest; echo half");
    const auto one = value_of(StandingProgram::start(cut.program()));
    assert_failure(one.answer_to("x\n\n", "\n\n", 100), Trouble::system, "doesn't answer");
    const auto other = value_of(StandingProgram::start(cat));
    assert_failure(other.answer_to("0123\n\n", "\n\n", 5), Trouble::system, "says more than it should");
}

/// Where a pipe would end this process by SIGPIPE.
void a_program_that_is_gone_is_told_of(void**) {
    const Script script("exit 0");
    const auto program = value_of(StandingProgram::start(script.program()));
    for (int i = 0; i < 3; ++i) assert_false(bool(program.answer_to("x\n\n", "\n\n", 10)));
}

void a_program_that_stood_leaves_no_child_and_no_descriptor(void**) {
    const auto before = open_descriptors();
    {
        auto program = value_of(StandingProgram::start(cat));
        auto moved = std::move(program);
        assert_text(answer_to(moved, "x\n\n"), "x\n\n");
        moved = value_of(StandingProgram::start({"/bin/sleep", {"infinity"}}));
    }
    assert_false(bool(StandingProgram::start({"/nonexistent"})));
    assert_int_equal(open_descriptors(), before);
    assert_true(has_no_child());
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(returns_what_the_program_prints),
        cmocka_unit_test(gives_the_program_its_input_and_then_the_end),
        cmocka_unit_test(gives_the_program_its_arguments_as_they_are),
        cmocka_unit_test(does_not_look_at_what_the_program_exits_with),
        cmocka_unit_test(a_program_need_not_read_its_input),
        cmocka_unit_test(gives_4096_bytes_and_refuses_more),
        cmocka_unit_test(takes_as_much_as_the_limit_and_no_more),
        cmocka_unit_test(a_program_that_never_stops_talking_is_ended),
        cmocka_unit_test(names_the_program_that_cannot_be_started_and_says_why),
        cmocka_unit_test(a_program_that_would_begin_otherwise_is_not_started),
        cmocka_unit_test(the_environment_is_empty),
        cmocka_unit_test(the_working_directory_is_the_root),
        cmocka_unit_test(three_descriptors_are_open),
        cmocka_unit_test(complaints_go_nowhere_unless_they_are_asked_for),
        cmocka_unit_test(signals_do_what_they_do_by_default_and_none_is_blocked),
        cmocka_unit_test(changes_no_signal_of_this_process),
        cmocka_unit_test(answers_where_the_caller_ignores_its_children),
        cmocka_unit_test(leaves_no_child_and_no_descriptor),
        cmocka_unit_test(leaves_the_callers_other_children_alone),
        cmocka_unit_test(a_program_that_does_not_answer_in_five_seconds_is_ended),
        cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(a_program_that_stays_after_its_answer_is_ended_at_once),
        cmocka_unit_test(a_program_that_ends_by_itself_is_not_waited_for),
        cmocka_unit_test(signals_to_the_caller_disturb_nothing),
        cmocka_unit_test(answers_whatever_standard_descriptors_the_caller_lacks),
        cmocka_unit_test(one_program_answers_one_question_after_the_other),
        cmocka_unit_test(a_question_may_be_longer_than_a_pipe_holds),
        cmocka_unit_test(each_question_has_the_whole_time),
        cmocka_unit_test(an_answer_without_its_end_or_beyond_the_limit_is_none),
        cmocka_unit_test(a_program_that_is_gone_is_told_of),
        cmocka_unit_test(a_program_that_stood_leaves_no_child_and_no_descriptor),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
