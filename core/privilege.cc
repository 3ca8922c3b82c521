#include "core/privilege.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

namespace totp {
namespace {

/// Again after each change of the group: the kernel may then allow dumps to root's eyes.
bool forbid_dumps_and_tracing() { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0; }

bool give_up_group() {
    const auto own = getgid();
    const bool is_given_up = geteuid() == 0 ? setresgid(own, own, own) == 0 : setegid(own) == 0;
    return is_given_up && forbid_dumps_and_tracing();
}

/// A read-only one, so that what is written to a missing stdout fails instead of vanishing.
bool open_missing_descriptors() {
    for (int number = 0; number <= 2; ++number) {
        if (fcntl(number, F_GETFD) == -1 && open("/dev/null", O_RDONLY) != number) return false;
    }
    return true;
}

/// What is left says which terminal and which language it is. A path there would have libc read the caller's
/// files.
void clear_environment() {
    std::vector<std::pair<const char*, std::string>> kept;
    for (const char* name : {"TERM", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"}) {
        const char* value = getenv(name);
        if (value != nullptr && std::strchr(value, '/') == nullptr) kept.emplace_back(name, value);
    }
    clearenv();
    for (const auto& [name, value] : kept) setenv(name, value.c_str(), 1);
}

/// SIGHUP stays ignored: a long run that was begun with nohup(1) goes on.
void reset_signals() {
    constexpr itimerval never{};
    for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) setitimer(timer, &never, nullptr);
    for (int number = 1; number < NSIG; ++number) {
        if (number == SIGHUP && is_ignored(number)) continue;
        static_cast<void>(signal(number, SIG_DFL));  // fails for those that can't be set
    }
    static_cast<void>(signal(SIGPIPE, SIG_IGN));
    static_cast<void>(signal(SIGTSTP, SIG_IGN));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// What a caller could set so that the program ends before a failure is counted.
bool lift_limits() {
    constexpr rlimit none{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    constexpr rlimit descriptors{.rlim_cur = 256, .rlim_max = 256};
    for (const auto limit : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_RSS, RLIMIT_STACK}) {
        if (setrlimit(limit, &none) != 0) return false;
    }
    return setrlimit(RLIMIT_NOFILE, &descriptors) == 0;
}

bool become_root_alone() {
    return setgroups(0, nullptr) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 &&
           forbid_dumps_and_tracing();
}

bool take_nothing_from_caller() {
    constexpr rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) return false;
    if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0 || !open_missing_descriptors()) return false;
    clear_environment();
    reset_signals();
    umask(S_IRWXG | S_IRWXO);
    return true;
}

}  // namespace

bool is_ignored(int number) {
    struct sigaction action {};
    return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool distrust_caller() { return getuid() == geteuid() && give_up_group() && take_nothing_from_caller(); }

Caller find_caller() {
    const int most = std::max(0, getgroups(0, nullptr));
    Caller caller{getuid(), std::vector<gid_t>(static_cast<std::size_t>(most))};
    const int count = getgroups(most, caller.groups.data());
    caller.groups.resize(static_cast<std::size_t>(std::max(0, count)));
    caller.groups.push_back(getgid());
    return caller;
}

bool distrust_caller_as_root() {
    return geteuid() == 0 && become_root_alone() && lift_limits() && take_nothing_from_caller();
}

bool can_borrow_group() {
    gid_t real = 0;
    gid_t effective = 0;
    gid_t saved = 0;
    return getresgid(&real, &effective, &saved) == 0 && saved != real;
}

BorrowedGroup::BorrowedGroup() {
    gid_t real = 0;
    gid_t effective = 0;
    gid_t saved = 0;
    if (getresgid(&real, &effective, &saved) != 0 || setegid(saved) != 0 || !forbid_dumps_and_tracing()) {
        std::terminate();
    }
}

BorrowedGroup::~BorrowedGroup() {
    if (!give_up_group()) std::terminate();
}

}  // namespace totp
