#include "core/child_process.h"

#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say so itself
}

#include "core/descriptor.h"

namespace totp {
namespace {

constexpr std::size_t longest_input = 4'096;  // a pipe holds that much before anybody reads

/// `english`: a sentence as tr() takes it, in which %1 is the program and %2 what the errno value says, if
/// any.
Failure program_failure(const char* english, const Program& program, int error = 0) {
    return {Trouble::system, error == 0 ? tr(english, {program.path})
                                        : tr(english, {program.path, Sentence::of_error(error)})};
}

struct Pipe {
    Descriptor reading;
    Descriptor writing;
};

/// Neither end has one of the standard numbers, which the program's own descriptors will have.
Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    return {above_standard(ends[0]), above_standard(ends[1])};
}

/// What the program finds when it begins.
class Beginning {
  public:
    Beginning(const Program& program, const Descriptor& input, const Descriptor& output) {
        keep(posix_spawn_file_actions_init(&files_));
        keep(posix_spawn_file_actions_adddup2(&files_, input.number(), STDIN_FILENO));
        keep(posix_spawn_file_actions_adddup2(&files_, output.number(), STDOUT_FILENO));
        if (program.is_complaint_part_of_it) {
            keep(posix_spawn_file_actions_adddup2(&files_, output.number(), STDERR_FILENO));
        } else {
            keep(posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, "/dev/null", O_WRONLY, 0));
        }
        keep(posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1));
        keep(posix_spawn_file_actions_addchdir_np(&files_, "/"));
        keep(posix_spawnattr_init(&attributes_));
        sigset_t signals;
        sigemptyset(&signals);
        keep(posix_spawnattr_setsigmask(&attributes_, &signals));
        sigfillset(&signals);
        keep(posix_spawnattr_setsigdefault(&attributes_, &signals));
        keep(posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    }
    Beginning(const Beginning&) = delete;
    Beginning& operator=(const Beginning&) = delete;
    ~Beginning() {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }

    /// 0, or an errno value. A program that would begin otherwise than is said above isn't started.
    int spawn(const Program& program, pid_t& child) const {
        if (error_ != 0) return error_;
        std::vector<char*> arguments{const_cast<char*>(program.path)};
        arguments.reserve(program.arguments.size() + 2);
        for (const auto& argument : program.arguments)
            arguments.push_back(const_cast<char*>(argument.c_str()));
        arguments.push_back(nullptr);
        char* environment[] = {nullptr};
        return posix_spawn(&child, program.path, &files_, &attributes_, arguments.data(), environment);
    }

  private:
    void keep(int error) {
        if (error_ == 0) error_ = error;
    }

    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
    int error_ = 0;  ///< the first one
};

/// A program that was started: when this goes it has ended, if need be by force.
class Child {
  public:
    explicit Child(pid_t number) : number_(number), handle_(pidfd_open(number, 0)), error_(errno) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        constexpr int milliseconds_to_end = 100;
        pollfd ended{.fd = handle_.number(), .events = POLLIN, .revents = 0};
        if (!handle_) {
            if (error_ != ESRCH)
                kill(number_, SIGKILL);  // else it has ended, and its number may be another's
        } else if (poll(&ended, 1, milliseconds_to_end) != 1) {
            static_cast<void>(pidfd_send_signal(handle_.number(), SIGKILL, nullptr, 0));
        }
        while (waitpid(number_, nullptr, 0) < 0 && errno == EINTR) {  // ECHILD: the host reaped it
        }
    }

  private:
    pid_t number_;
    Descriptor handle_;
    int error_;  ///< why there is no handle
};

Descriptor timer(int seconds) {
    Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const itimerspec time{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_nsec = 0}};
    return timer && timerfd_settime(timer.number(), 0, &time, nullptr) == 0 ? std::move(timer) : Descriptor();
}

/// Waits until there is something to read. False when the time is over.
bool is_readable_in_time(const Descriptor& output, const Descriptor& deadline) {
    pollfd events[] = {{.fd = output.number(), .events = POLLIN, .revents = 0},
                       {.fd = deadline.number(), .events = POLLIN, .revents = 0}};
    while (poll(events, 2, -1) < 0) {
        if (errno != EINTR) return false;
    }
    return events[1].revents == 0;
}

/// Up to and with `end`; where that is empty, to the end of all.
Result<SecretBytes> read_answer(const Program& program, const Descriptor& output, const Descriptor& deadline,
                                std::size_t limit, std::string_view end = "") {
    SecretBytes answer(limit + 1);
    for (std::size_t size = 0; is_readable_in_time(output, deadline);) {
        const auto count = read(output.number(), answer.data() + size, answer.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return program_failure("%1 can't be read: %2", program, errno);
        size += static_cast<std::size_t>(count);
        if (size > limit) return program_failure("%1 says more than it should", program);
        const bool is_over = count == 0 || (!end.empty() && answer.text().substr(0, size).ends_with(end));
        if (!is_over) continue;
        answer.resize(size);
        if (answer.text().ends_with(end)) return answer;
        break;
    }
    return program_failure("%1 doesn't answer", program);
}

}  // namespace

Result<SecretBytes> answer_of(const Program& program, std::string_view input, std::size_t limit) {
    if (input.size() > longest_input) return program_failure("%1 takes no more than 4096 bytes", program);
    auto question = make_pipe();
    auto answer = make_pipe();
    const auto deadline = timer(program.seconds_to_answer);
    if (!question.writing || !answer.writing || !deadline) {
        return program_failure("%1 can't be asked: %2", program, errno);
    }
    if (write(question.writing.number(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
        return program_failure("%1 can't be asked: %2", program, errno);
    }
    pid_t number = -1;
    if (const int error = Beginning(program, question.reading, answer.writing).spawn(program, number);
        error != 0) {
        return program_failure("%1 can't be started: %2", program, error);
    }
    const Child child(number);
    question = {};
    answer.writing = Descriptor();
    return read_answer(program, answer.reading, deadline, limit);
}

// ---- one that stands

/// The socket is closed before the child is waited for.
struct StandingProgram::Running {
    Program program;
    Child child;
    Descriptor socket;
};

StandingProgram::StandingProgram(std::unique_ptr<Running> running) : running_(std::move(running)) {}
StandingProgram::StandingProgram(StandingProgram&&) noexcept = default;
StandingProgram& StandingProgram::operator=(StandingProgram&&) noexcept = default;
StandingProgram::~StandingProgram() = default;

/// A socket, because one can be told to send no signal where nobody listens any more.
Result<StandingProgram> StandingProgram::start(const Program& program) {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return program_failure("%1 can't be asked: %2", program, errno);
    auto ours = above_standard(ends[0]);
    const auto its = above_standard(ends[1]);
    if (!ours || !its) return program_failure("%1 can't be asked: %2", program, errno);
    pid_t number = -1;
    if (const int error = Beginning(program, its, its).spawn(program, number); error != 0)
        return program_failure("%1 can't be started: %2", program, error);
    return StandingProgram(std::unique_ptr<Running>(new Running{program, Child(number), std::move(ours)}));
}

/// Where the socket doesn't take all at once, the program doesn't read.
Result<SecretBytes> StandingProgram::answer_to(std::string_view question, std::string_view end,
                                               std::size_t limit) const {
    const auto& [program, child, socket] = *running_;
    const auto deadline = timer(program.seconds_to_answer);
    if (!deadline) return program_failure("%1 can't be asked: %2", program, errno);
    const auto sent = send(socket.number(), question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return program_failure("%1 can't be asked: %2", program, errno);
    if (sent != static_cast<ssize_t>(question.size())) return program_failure("%1 doesn't answer", program);
    return read_answer(program, socket, deadline, limit, end);
}

}  // namespace totp
