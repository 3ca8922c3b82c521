#include "core/privilege.h"

#include <cerrno>
#include <csignal>
#include <map>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/another_process.h"

namespace totp::testing {
namespace {

bool is_root() { return geteuid() == 0; }

/// Tries distrust_caller() in a process that `prepare` has set up: `amiss` says what is not as it should be.
template <class Prepare, class Amiss>
void claim_of_distrust(Prepare prepare, Amiss amiss, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE()) {
    claim_in_another_process(
        [&]() -> std::string {
            prepare();
            return distrust_caller() ? std::string(amiss()) : "distrust_caller() failed";
        },
        file, line);
}

// ---- the environment

std::map<std::string, std::string> environment() {
    std::map<std::string, std::string> all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text(*entry);
        all.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
    }
    return all;
}

void keeps_terminal_and_locale_of_the_environment(void**) {
    const std::map<std::string, std::string> kept = {
        {"TERM", "vt100"}, {"LANG", "C.UTF-8"}, {"LC_ALL", "de_DE"}, {"LC_CTYPE", ""}};
    claim_of_distrust(
        [&] {
            clearenv();
            for (const auto& [name, value] : kept) setenv(name.c_str(), value.c_str(), 1);
            for (const auto* name : {"PATH", "IFS", "LD_PRELOAD", "LC_MESSAGES", "LOCPATH", "NLSPATH",
                                     "TERMINFO", "HOME", "TMPDIR", "OPENSSL_CONF"}) {
                setenv(name, "/tmp/evil", 1);
            }
        },
        [&] { return environment() == kept ? "" : "the environment has other words"; });
}

void adds_nothing_to_an_empty_environment(void**) {
    claim_of_distrust([] { clearenv(); }, [] { return environment().empty() ? "" : "it isn't empty"; });
}

// ---- descriptors

bool is_open(int number) { return fcntl(number, F_GETFD) != -1; }

void closes_all_but_the_standard_descriptors(void**) {
    claim_of_distrust(
        [] {
            for (const int number : {3, 4, 10, 255, 900}) dup2(STDERR_FILENO, number);
        },
        []() -> std::string {
            for (int number = 0; number < 1'024; ++number) {
                if (is_open(number) != (number <= 2)) return "descriptor " + std::to_string(number);
            }
            return "";
        });
}

void leaves_the_standard_descriptors_what_they_are(void**) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "file";
    write_file(path, "content");
    claim_of_distrust(
        [&] {
            for (int number = 0; number <= 2; ++number) dup2(open(path.c_str(), O_RDWR), number);
        },
        [&]() -> std::string {
            struct stat named {};
            stat(path.c_str(), &named);
            for (int number = 0; number <= 2; ++number) {
                struct stat status {};
                if (fstat(number, &status) != 0 || status.st_ino != named.st_ino) return "it was replaced";
            }
            return "";
        });
}

/// Closed beforehand: these descriptors.
void claim_that_missing_ones_give_and_take_nothing(const std::vector<int>& missing) {
    claim_of_distrust(
        [&] {
            for (const int number : missing) close(number);
        },
        [&]() -> std::string {
            char byte = 0;
            for (const int number : missing) {
                if (read(number, &byte, 1) != 0) return std::to_string(number) + " gives something";
                if (write(number, "x", 1) != -1) return std::to_string(number) + " takes something";
            }
            return "";
        });
}

void missing_descriptors_give_and_take_nothing(void**) {
    for (const auto& missing : std::vector<std::vector<int>>{{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}}) {
        claim_that_missing_ones_give_and_take_nothing(missing);
    }
}

// ---- signals and alarms

sighandler_t action_of(int number) {
    struct sigaction action {};
    return sigaction(number, nullptr, &action) == 0 ? action.sa_handler : SIG_DFL;
}

void signals_do_what_they_do_by_default(void**) {
    claim_of_distrust(
        [] {
            for (const int number : {SIGTERM, SIGINT, SIGCHLD, SIGALRM, SIGRTMAX})
                std::signal(number, SIG_IGN);
            for (const int number : {SIGUSR1, SIGHUP, SIGTSTP}) std::signal(number, [](int) {});
        },
        []() -> std::string {
            for (int number = 1; number < NSIG; ++number) {
                const auto wanted = number == SIGPIPE || number == SIGTSTP ? SIG_IGN : SIG_DFL;
                if (action_of(number) != wanted) return "signal " + std::to_string(number);
            }
            return "";
        });
}

void hang_up_that_is_ignored_stays_so(void**) {
    claim_of_distrust([] { std::signal(SIGHUP, SIG_IGN); },
                      [] { return action_of(SIGHUP) == SIG_IGN ? "" : "a hang-up ends it"; });
}

void no_signal_is_blocked(void**) {
    claim_of_distrust(
        [] {
            sigset_t all;
            sigfillset(&all);
            sigprocmask(SIG_SETMASK, &all, nullptr);
        },
        []() -> std::string {
            sigset_t blocked;
            sigprocmask(SIG_SETMASK, nullptr, &blocked);
            return sigisemptyset(&blocked) != 0 ? "" : "a signal is blocked";
        });
}

void no_alarm_is_set(void**) {
    claim_of_distrust([] { alarm(100); }, [] { return alarm(0) == 0 ? "" : "an alarm is set"; });
}

// ---- files and memory

void new_files_are_the_users_alone(void**) {
    claim_of_distrust([] { umask(0); }, [] { return umask(0) == 077 ? "" : "the umask is another"; });
}

void memory_cannot_be_dumped_or_traced(void**) {
    claim_of_distrust([] { prctl(PR_SET_DUMPABLE, 1); },
                      []() -> std::string {
                          rlimit limit{};
                          getrlimit(RLIMIT_CORE, &limit);
                          if (limit.rlim_cur != 0 || limit.rlim_max != 0) return "a core may be written";
                          return prctl(PR_GET_DUMPABLE) == 0 ? "" : "it can be traced";
                      });
}

// ---- the borrowed group

/// Real, effective and saved, as one text.
std::string ids(int (*get)(unsigned*, unsigned*, unsigned*)) {
    unsigned real = 0;
    unsigned effective = 0;
    unsigned saved = 0;
    get(&real, &effective, &saved);
    return std::to_string(real) + " " + std::to_string(effective) + " " + std::to_string(saved);
}
std::string groups() { return ids(getresgid); }
std::string users() { return ids(getresuid); }

void nothing_changes_where_no_group_is_lent(void**) {
    const auto before = groups();
    claim_of_distrust([] {},
                      [&]() -> std::string {
                          if (can_borrow_group()) return "there is a group to borrow";
                          const BorrowedGroup group;
                          return groups() == before ? "" : "the groups are " + groups();
                      });
}

void gives_up_the_lent_group_and_takes_it_back_for_a_while(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);  // who alone can lend one
    claim_of_distrust([] { become_user_with_lent_group(); },
                      []() -> std::string {
                          if (groups() != "1000 1000 77") return "it isn't given up: " + groups();
                          if (!can_borrow_group()) return "there is none to borrow";
                          {
                              const BorrowedGroup group;
                              if (groups() != "1000 77 77") return "it isn't borrowed: " + groups();
                              if (prctl(PR_GET_DUMPABLE) != 0) return "it can be traced with the group";
                          }
                          if (groups() != "1000 1000 77") return "it isn't given back: " + groups();
                          return prctl(PR_GET_DUMPABLE) == 0 ? "" : "it can be traced after it";
                      });
}

void root_gives_up_the_lent_group_for_good(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);
    claim_in_another_process([]() -> std::string {
        if (setresgid(0, lent_group, lent_group) != 0 || !distrust_caller()) return "it can't be tried";
        if (groups() != "0 0 0") return "it is kept: " + groups();
        return can_borrow_group() ? "it can be borrowed" : "";
    });
}

void refuses_to_run_setuid(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);  // who alone can be two users at once
    claim_in_another_process([] {
        const bool is_set_up = setresuid(1'000, 0, 0) == 0;
        return is_set_up && !distrust_caller() ? "" : "it runs";
    });
}

// ---- a program that is setuid root

/// Tries a process in which user 1000, of the groups 1000 and 78, has started such a program after `prepare`.
template <class Prepare, class Amiss>
void claim_as_setuid_root(Prepare prepare, Amiss amiss, const char* file = __builtin_FILE(),
                          int line = __builtin_LINE()) {
    if (!is_root()) _skip(__FILE__, __LINE__);
    claim_in_another_process(
        [&]() -> std::string {
            prepare();
            constexpr gid_t group = 78;
            if (setgroups(1, &group) != 0 || setresgid(1'000, 1'000, 1'000) != 0 ||
                setresuid(1'000, 0, 0) != 0)
                return "it can't be tried";
            return amiss();
        },
        file, line);
}

void knows_who_started_it(void**) {
    claim_as_setuid_root(
        [] {},
        []() -> std::string {
            const auto caller = find_caller();
            if (caller.uid != 1'000) return "the user is " + std::to_string(caller.uid);
            return caller.groups == std::vector<gid_t>{78, 1'000} ? "" : "the groups are others";
        });
}

/// Else a member of the group could stop it while it holds somebody's account.
void becomes_roots_altogether(void**) {
    claim_as_setuid_root([] {},
                         []() -> std::string {
                             if (!distrust_caller_as_root()) return "it fails";
                             if (users() != "0 0 0") return "the users are " + users();
                             if (groups() != "0 0 0") return "the groups are " + groups();
                             if (getgroups(0, nullptr) != 0) return "it is in a group of the caller's";
                             return prctl(PR_GET_DUMPABLE) == 0 ? "" : "it can be traced";
                         });
}

void takes_as_little_from_its_caller_as_the_others(void**) {
    claim_as_setuid_root(
        [] {
            setenv("LD_PRELOAD", "/tmp/evil", 1);
            dup2(STDERR_FILENO, 900);
            std::signal(SIGTERM, SIG_IGN);
            umask(0);
            constexpr itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 100, .tv_usec = 0}};
            for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF})
                setitimer(timer, &soon, nullptr);
        },
        []() -> std::string {
            if (!distrust_caller_as_root()) return "it fails";
            if (environment().contains("LD_PRELOAD")) return "the environment has other words";
            if (is_open(900)) return "a descriptor is open";
            if (action_of(SIGTERM) != SIG_DFL) return "a signal is ignored";
            for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) {
                itimerval left{};
                if (getitimer(timer, &left) != 0 || left.it_value.tv_sec != 0) return "a timer is set";
            }
            rlimit core{};
            getrlimit(RLIMIT_CORE, &core);
            if (core.rlim_cur != 0 || core.rlim_max != 0) return "a core may be written";
            return umask(0) == 077 ? "" : "the umask is another";
        });
}

constexpr decltype(RLIMIT_AS) limits_of_use[] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE,
                                                 RLIMIT_STACK};

std::string limit_that_is_left() {
    for (const auto limit : limits_of_use) {
        rlimit left{};
        if (getrlimit(limit, &left) != 0 || left.rlim_cur != RLIM_INFINITY)
            return "limit " + std::to_string(limit);
    }
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    return descriptors.rlim_cur == 256 ? "" : "it may open too few files";
}

void limits_of_the_caller_do_not_count(void**) {
    claim_as_setuid_root(
        [] {
            for (const auto limit : {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU}) {
                rlimit few{};
                getrlimit(limit, &few);
                few.rlim_cur = 20;
                setrlimit(limit, &few);
            }
        },
        [] { return distrust_caller_as_root() ? limit_that_is_left() : "it fails"; });
}

/// Root of a container may not lift them: it must not run with them either.
void limits_that_cannot_be_lifted_refuse(void**) {
    for (const auto limit : limits_of_use) {
        claim_as_setuid_root([] {},
                             [&]() -> std::string {
                                 constexpr rlimit ample{.rlim_cur = 1 << 30, .rlim_max = 1 << 30};
                                 if (setrlimit(limit, &ample) != 0) return "it can't be tried";
                                 return distrust_caller_as_root() ? limit_that_is_left() : "";
                             });
    }
}

void refuses_to_be_root_where_it_is_not(void**) {
    claim_in_another_process([] {
        const bool is_set_up = !is_root() || setresuid(1'000, 1'000, 1'000) == 0;
        return is_set_up && !distrust_caller_as_root() ? "" : "it runs";
    });
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(keeps_terminal_and_locale_of_the_environment),
        cmocka_unit_test(adds_nothing_to_an_empty_environment),
        cmocka_unit_test(closes_all_but_the_standard_descriptors),
        cmocka_unit_test(leaves_the_standard_descriptors_what_they_are),
        cmocka_unit_test(missing_descriptors_give_and_take_nothing),
        cmocka_unit_test(signals_do_what_they_do_by_default),
        cmocka_unit_test(hang_up_that_is_ignored_stays_so),
        cmocka_unit_test(no_signal_is_blocked),
        cmocka_unit_test(no_alarm_is_set),
        cmocka_unit_test(new_files_are_the_users_alone),
        cmocka_unit_test(memory_cannot_be_dumped_or_traced),
        cmocka_unit_test(nothing_changes_where_no_group_is_lent),
        cmocka_unit_test(gives_up_the_lent_group_and_takes_it_back_for_a_while),
        cmocka_unit_test(root_gives_up_the_lent_group_for_good),
        cmocka_unit_test(refuses_to_run_setuid),
        cmocka_unit_test(knows_who_started_it),
        cmocka_unit_test(becomes_roots_altogether),
        cmocka_unit_test(takes_as_little_from_its_caller_as_the_others),
        cmocka_unit_test(limits_of_the_caller_do_not_count),
        cmocka_unit_test(limits_that_cannot_be_lifted_refuse),
        cmocka_unit_test(refuses_to_be_root_where_it_is_not),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
