// The module as a guest: hosts that are threaded, fork, cancel their threads, with signals and an OpenSSL
// configuration of their own. They stay as they were, and nothing they do lets anybody in twice or shuts
// anybody out for good.
//
// A host with an older libstdc++ can't be had here: tests/house/symbols_test.sh holds that the module asks
// for no symbol of it and shows none of its own. Hosts with another root directory are in
// tests/system/test_chroot.py; what the module needs of stack, descriptors, system calls and memory is in
// footprint_test.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstdarg>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "core/recovery.h"
#include "tests/pam/guest.h"

namespace {

using namespace guest;
using stage::device_line;
using stage::never_throttled;
using stage::right_code;
using stage::wrong_code;

constexpr int rounds = 20;
constexpr std::size_t threads = 8;

/// What the host does in the middle of a login, while the account is held.
std::function<void()> while_held;

/// What another thread of it does just when the module has opened a file.
std::function<void()> just_opened;

}  // namespace

/// In libc's place.
extern "C" int fdatasync(int file) {
    if (while_held) while_held();
    return static_cast<int>(syscall(SYS_fdatasync, file));
}

extern "C" int openat(int directory, const char* name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const auto number = static_cast<int>(syscall(SYS_openat, directory, name, flags, mode));
    const int error = errno;
    if (just_opened) just_opened();
    errno = error;
    return number;
}

namespace {

/// Alice is enrolled on a stage of her own.
struct House : stage::Stage {
    explicit House(const std::string& options = never_throttled, const std::string& enrolment = device_line)
        : Stage(options) {
        stage::set_clock(start_of_time);
        enrol(enrolment);
    }
};

std::string named(int code) { return std::to_string(code) + " (" + pam_strerror(nullptr, code) + ")"; }

void claim_equal(int code, int expected, const std::string& what) {
    claim(code == expected, what + " gives " + named(expected) + ", not " + named(code));
}

// ---- threads

/// As many logins as there are stages, each in a thread, which answer at the same moment; what each was told.
std::vector<int> log_in_at_once(const std::vector<const House*>& houses, const std::string& code) {
    std::barrier everybody_is_at_the_prompt(static_cast<std::ptrdiff_t>(houses.size()));
    std::vector<int> codes(houses.size());
    std::vector<std::jthread> hosts;
    for (std::size_t i = 0; i < houses.size(); ++i) {
        hosts.emplace_back([&, i] {
            codes[i] = log_in(*houses[i], [&] {
                everybody_is_at_the_prompt.arrive_and_wait();
                return code;
            });
        });
    }
    hosts.clear();
    return codes;
}

void one_code_lets_one_of_eight_threads_in(void**) {
    const House house;
    const std::vector<const House*> the_same(threads, &house);
    for (int round = 0; round < rounds; ++round) {
        stage::pass_time(between_logins);
        const auto codes = log_in_at_once(the_same, right_code(start_of_time + (round + 1) * between_logins));
        assert_int_equal(std::ranges::count(codes, PAM_SUCCESS), 1);
        assert_int_equal(std::ranges::count(codes, PAM_AUTH_ERR), threads - 1);
    }
}

void eight_threads_with_an_account_each_all_get_in(void**) {
    std::vector<std::unique_ptr<House>> houses;
    std::vector<const House*> all;
    while (houses.size() < threads) all.push_back(houses.emplace_back(std::make_unique<House>()).get());
    for (int round = 0; round < rounds; ++round) {
        stage::pass_time(between_logins);
        const auto codes = log_in_at_once(all, right_code(start_of_time + (round + 1) * between_logins));
        assert_int_equal(std::ranges::count(codes, PAM_SUCCESS), threads);
    }
}

// ---- descriptors

std::size_t entries_of(const char* directory) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

void a_thousand_logins_leave_no_descriptor_open(void**) {
    const House house;
    log_in(house, answer(""));
    const auto before = entries_of("/proc/self/fd");
    auto now = start_of_time;
    for (int i = 0; i < 1000; ++i) {
        const auto code = i % 2 == 0 ? right_code(now) : wrong_code(now);
        claim_equal(log_in(house, answer(code)), i % 2 == 0 ? PAM_SUCCESS : PAM_AUTH_ERR,
                    "login " + std::to_string(i));
        stage::set_clock(now += between_logins);
        stage::take_log();
    }
    assert_int_equal(entries_of("/proc/self/fd"), before);
}

/// What somebody writes to stderr goes to whatever has that number.
void host_without_standard_descriptors_writes_into_no_record(void**) {
    const House house;
    const auto state_size = std::filesystem::file_size(house.state_file());
    const auto record = house.directory() / "store/enrolled/alice";
    const auto outcome = in_child([&] {
        for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(number);
        while_held = just_opened = [] {
            for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
                static_cast<void>(!write(number, "a warning\n", 10));
        };
        house.enrol(device_line);
        return log_in(house, answer(right_code(start_of_time)));
    });
    claim_equal(outcome, PAM_SUCCESS, "the login");
    assert_int_equal(std::filesystem::file_size(house.state_file()), state_size);
    std::ifstream text(record);
    std::string line;
    std::getline(text, line);
    claim(line.starts_with("pam-totp-enrolment 1 "), "the enrolment begins with: " + line);
    stage::pass_time(between_logins);
    claim_equal(log_in(house, answer(right_code(start_of_time + between_logins))), PAM_SUCCESS,
                "the next login");
}

// ---- what the host set up

/// All of a process that a guest could change, as text: line by line, so that what differs can be named.
std::string snapshot() {
    std::ostringstream text;
    sigset_t mask;
    sigset_t pending;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    sigpending(&pending);
    for (int number = 1; number <= SIGRTMAX; ++number) {
        struct sigaction action {};
        if (sigaction(number, nullptr, &action) != 0) continue;
        text << "signal " << number << ": blocked " << sigismember(&mask, number) << ", pending "
             << sigismember(&pending, number) << ", to " << reinterpret_cast<void*>(action.sa_handler)
             << " flags " << action.sa_flags << "\n";
    }
    for (const auto resource : {RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_MEMLOCK,
                                RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_STACK}) {
        rlimit limit{};
        getrlimit(resource, &limit);
        text << "limit " << resource << ": " << limit.rlim_cur << " of " << limit.rlim_max << "\n";
    }
    itimerval timer{};
    getitimer(ITIMER_REAL, &timer);
    const mode_t mode = umask(0);
    umask(mode);
    int state = 0;
    int type = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    pthread_setcancelstate(state, nullptr);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    pthread_setcanceltype(type, nullptr);
    stack_t stack{};
    sigaltstack(nullptr, &stack);
    text << "timer: " << (timer.it_value.tv_sec > 0) << "\numask: " << mode << "\ncancelling: " << state
         << " " << type << "\nalternate stack: " << stack.ss_sp
         << "\ndirectory: " << std::filesystem::current_path()
         << "\nlocale: " << std::setlocale(LC_ALL, nullptr) << "\nrounding: " << std::fegetround()
         << "\nniceness: " << getpriority(PRIO_PROCESS, 0) << "\ndumpable: " << prctl(PR_GET_DUMPABLE)
         << "\nno new privileges: " << prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
         << "\nusers: " << syscall(SYS_getuid) << " " << geteuid() << " " << getegid()
         << "\nthreads: " << entries_of("/proc/self/task") << "\ndescriptors: " << entries_of("/proc/self/fd")
         << "\nOpenSSL's last error: " << ERR_peek_last_error() << "\n";
    for (char** variable = environ; *variable != nullptr; ++variable)
        text << "environment: " << *variable << "\n";
    return text.str();
}

/// Empty if nothing differs.
std::string difference(const std::string& before, const std::string& after) {
    std::istringstream old_lines(before);
    std::istringstream new_lines(after);
    std::string old_line;
    std::string new_line;
    std::string found;
    while (std::getline(old_lines, old_line), std::getline(new_lines, new_line)) {
        if (old_line != new_line) found += "before: " + old_line + "\nafter:  " + new_line + "\n";
    }
    return found + (before.size() != after.size() && found.empty() ? "there is more or less of it" : "");
}

void handle(int) {}

/// A host with habits: handlers, ignored and blocked signals, some of them pending, limits, a directory and a
/// mask of its own, and an error of its own that it hasn't looked at yet.
void become_peculiar() {
    struct sigaction action {};
    action.sa_handler = handle;
    sigaction(SIGCHLD, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    raise(SIGTERM);
    raise(SIGHUP);
    umask(0777);
    if (chdir("/usr") != 0) std::abort();
    setenv("OPENSSL_CONF", "/dev/null", 1);
    setenv("HOST", "its own", 1);
    std::fesetround(FE_UPWARD);
    const rlimit cores{0, 0};
    setrlimit(RLIMIT_CORE, &cores);
    ERR_raise(ERR_LIB_USER, ERR_R_PASSED_INVALID_ARGUMENT);
}

/// A login, and what it comes to.
struct Visit {
    const char* name;
    std::function<void(const House&)> prepare;
    std::string answer;
    int expected;
};

void nothing(const House&) {}

void spoil(const std::filesystem::path& file) {
    std::filesystem::permissions(file,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::ate) << "=";
}

std::vector<Visit> visits(const totp::RecoverySet& recovery) {
    const auto right = right_code(start_of_time);
    return {
        {"right", nothing, right, PAM_SUCCESS},
        {"wrong", nothing, wrong_code(start_of_time), PAM_AUTH_ERR},
        {"malformed", nothing, "what?", PAM_AUTH_ERR},
        {"recovery", nothing, std::string(recovery.codes.front().text()), PAM_SUCCESS},
        {"damaged enrolment", [](const House& house) { spoil(house.directory() / "store/enrolled/alice"); },
         right, PAM_AUTHINFO_UNAVAIL},
        {"another key",
         [](const House& house) {
             const auto key = house.directory() / "key";
             std::filesystem::permissions(key, std::filesystem::perms::owner_all);
             std::ofstream(key) << std::string(32, 'k');
             std::filesystem::permissions(key, std::filesystem::perms(0600));
         },
         right, PAM_AUTHINFO_UNAVAIL},
        {"senseless settings",
         [](const House& house) { std::ofstream(house.directory() / "pam_totp.conf") << "digits = many\n"; },
         right, PAM_AUTHINFO_UNAVAIL},
        {"no store", [](const House& house) { std::filesystem::remove_all(house.directory() / "store"); },
         right, PAM_AUTHINFO_UNAVAIL},
    };
}

/// 0 if the host is afterwards as it was, and the login came to what it should.
int visit_peculiar_host(const House& house, const Visit& visit) {
    visit.prepare(house);
    log_in(house,
           answer(""));  // what is done once in a process, as libcrypto is loaded, is libc's and its own
    become_peculiar();
    Transaction transaction(services_of(house), answer(visit.answer));
    const auto before = snapshot();
    const int code = transaction.authenticate();
    const auto changed = difference(before, snapshot());
    if (!changed.empty()) print_error("%s changes\n%s", visit.name, changed.c_str());
    if (code != visit.expected) print_error("%s: %s\n", visit.name, named(code).c_str());
    return changed.empty() && code == visit.expected ? 0 : 1;
}

void host_is_afterwards_as_it_was(void**) {
    const auto recovery = totp::new_recovery_codes(1);
    const auto enrolment = device_line + ("recovery " + recovery->hashes.front().hash) + "\n";
    for (const auto& visit : visits(*recovery)) {
        const House house(never_throttled, enrolment);
        claim(in_child([&] { return visit_peculiar_host(house, visit); }) == 0, visit.name);
    }
}

/// The store is out of reach, so a helper is asked: the host has a child of its own meanwhile, which ended.
void helper_leaves_the_host_its_children_and_signals(void**) {
    const House house;
    const auto helper = house.helper("totp_check_any");
    std::ofstream(helper) << "#!/bin/sh\necho verdict=accepted device=phone drift=0 failures=0\n";
    std::filesystem::permissions(helper, std::filesystem::perms::owner_all);
    std::filesystem::permissions(house.directory() / "store", std::filesystem::perms::none);
    for (const auto disposition : {SIG_DFL, SIG_IGN, handle}) {
        const auto outcome = in_child([&] {
            signal(SIGCHLD, disposition);
            signal(SIGPIPE, SIG_DFL);
            log_in(house, answer(""));
            const auto before = snapshot();
            const pid_t own = fork();
            if (own == 0) _exit(7);
            if (log_in(house, answer("123456")) != PAM_SUCCESS) return 4;
            int status = 0;
            const bool is_reaped = waitpid(own, &status, 0) == own && WEXITSTATUS(status) == 7;
            if (!is_reaped && disposition != SIG_IGN) return 1;
            if (waitpid(-1, nullptr, 0) != -1) return 2;  // no child of the module's is left
            const auto changed = difference(before, snapshot());
            if (!changed.empty()) print_error("a helper changes\n%s", changed.c_str());
            return changed.empty() ? 0 : 3;
        });
        assert_int_equal(outcome, 0);
    }
}

// ---- fork

void child_that_ends_at_the_prompt_takes_nothing_along(void**) {
    const House house;
    const auto code = log_in(house, [] {
        assert_int_equal(in_child([] { return 0; }), 0);
        return right_code(start_of_time);
    });
    claim_equal(code, PAM_SUCCESS, "the parent");
}

/// Parent and child both answer with the right code: whichever comes first gets in.
void code_of_a_host_that_forks_at_the_prompt_gets_in_once(void**) {
    const House house;
    auto now = start_of_time;
    for (int round = 0; round < rounds; ++round, stage::set_clock(now += between_logins)) {
        pid_t child = -1;
        const int code = log_in(house, [&] {
            child = fork();
            return right_code(now);
        });
        if (child == 0) _exit(code);
        int status = 0;
        waitpid(child, &status, 0);
        const std::array codes = {code, WEXITSTATUS(status)};
        assert_int_equal(std::ranges::count(codes, PAM_SUCCESS), 1);
        assert_int_equal(std::ranges::count(codes, PAM_AUTH_ERR), 1);
    }
}

/// Another thread may fork while an account is held. The child has the locked file open for as long as it
/// lives, and doesn't know it.
void child_that_is_forked_in_the_middle_keeps_no_account(void**) {
    const House house;
    pid_t child = -1;
    while_held = [&] {
        child = fork();
        if (child == 0) {
            alarm(seconds_until_stuck);
            for (;;) pause();
        }
    };
    const int first = log_in(house, answer(right_code(start_of_time)));
    while_held = nullptr;
    stage::pass_time(between_logins);
    const int second = log_in(house, answer(right_code(start_of_time + between_logins)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    claim_equal(first, PAM_SUCCESS, "the login that was forked in");
    claim_equal(second, PAM_SUCCESS, "the next one");
}

// ---- pthread_cancel

/// The thread that runs `body` is cancelled, and others get in afterwards. The process ends with it: libpam
/// gives back no message whose conversation was cut off.
int outcome_of_cancelled(const House& house, const std::function<void(const House&)>& body) {
    return in_child([&] {
        pthread_t thread{};
        struct Start {
            const House& house;
            const std::function<void(const House&)>& body;
        } start{house, body};
        const auto run = [](void* argument) -> void* {
            const auto& [home, what] = *static_cast<Start*>(argument);
            what(home);
            pthread_testcancel();
            return nullptr;
        };
        if (pthread_create(&thread, nullptr, run, &start) != 0) return 1;
        void* result = nullptr;
        pthread_join(thread, &result);
        if (result != PTHREAD_CANCELED) return 2;
        while_held = nullptr;
        stage::pass_time(between_logins);
        return log_in(house, answer(right_code(start_of_time + between_logins))) == PAM_SUCCESS ? 0 : 3;
    });
}

void thread_can_be_cancelled_at_the_prompt(void**) {
    const House house;
    const auto cancelled = outcome_of_cancelled(house, [](const House& home) {
        log_in(home, []() -> std::string {
            pthread_cancel(pthread_self());
            pause();
            return "";
        });
        _exit(4);  // it went on
    });
    assert_int_equal(cancelled, 0);
}

/// The request comes at the prompt or while the account is held, and waits: what is accepted is spent. Then
/// it may take effect in libpam already.
void thread_that_is_cancelled_in_the_middle_finishes_its_login(void**) {
    const auto cancel = [] { pthread_cancel(pthread_self()); };
    for (const bool is_asked : {true, false}) {
        const House house;
        const auto right = right_code(start_of_time);
        const auto cancelled = outcome_of_cancelled(house, [&](const House& home) {
            if (!is_asked) while_held = cancel;
            const int code = log_in(home, [&] {
                if (is_asked) cancel();
                return right;
            });
            if (code != PAM_SUCCESS) _exit(4);
        });
        assert_int_equal(cancelled, 0);
        claim_equal(log_in(house, answer(right)), PAM_AUTH_ERR, "the code again");
    }
}

void thread_that_may_not_be_cancelled_is_not(void**) {
    const House house;
    const auto outcome = in_child([&] {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
        return log_in(house, [] {
            pthread_cancel(pthread_self());
            pthread_testcancel();
            return right_code(start_of_time);
        });
    });
    claim_equal(outcome, PAM_SUCCESS, "the login");
}

// ---- OpenSSL

/// In a process that has just begun, and uses OpenSSL as it is configured: logs in on the stage of these
/// services with each of the answers, and prints the PAM codes and the log.
int log_in_with_answers(const char* services, std::vector<std::string> answers) {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    stage::set_clock(start_of_time);
    for (const auto& text : answers) {
        std::cout << "code " << Transaction(services, answer(text)).authenticate() << "\n";
        for (const auto& line : stage::take_log()) std::cout << line << "\n";
    }
    std::cout.flush();
    return 0;
}

/// What that says in a process whose OPENSSL_CONF is this text.
std::string said_under(const House& house, const std::string& configuration) {
    const auto file = house.directory() / "openssl.cnf";
    std::ofstream(file) << configuration;
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) std::abort();
    const pid_t child = fork();
    if (child == 0) {
        alarm(seconds_until_stuck);
        dup2(ends[1], STDOUT_FILENO);
        setenv("OPENSSL_CONF", file.c_str(), 1);
        execl("/proc/self/exe", "guest_test", "--log-in", services_of(house).c_str(),
              wrong_code(start_of_time).c_str(), right_code(start_of_time).c_str(), nullptr);
        _exit(1);
    }
    close(ends[1]);
    std::string said;
    std::array<char, 4096> block{};
    for (ssize_t size = 0; (size = read(ends[0], block.data(), block.size())) > 0;)
        said.append(block.data(), static_cast<std::size_t>(size));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    claim(WIFEXITED(status) && WEXITSTATUS(status) == 0, configuration + ": the process ends well");
    return said;
}

std::vector<int> codes_in(const std::string& said) {
    std::vector<int> codes;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("code ")) codes.push_back(std::stoi(line.substr(5)));
    return codes;
}

std::string with_only(const std::string& provider) {
    return "openssl_conf = main\n[main]\nproviders = them\n[them]\n" + provider +
           " = it\n[it]\nactivate = 1\n";
}

/// Whatever it fetches there, if anything: codes are computed without (core/openssl).
void openssl_of_the_host_decides_nothing(void**) {
    for (const std::string& configuration :
         {std::string(""), std::string("nonsense [\n"), with_only("default"), with_only("null"),
          with_only("legacy"), with_only("no-such-provider"),
          std::string("config_diagnostics = 1\nopenssl_conf = main\n[main]\nproviders = nowhere\n"),
          std::string(
              "openssl_conf = main\n[main]\nalg_section = evp\n[evp]\ndefault_properties = fips=yes\n")}) {
        const House house;
        const auto said = said_under(house, configuration);
        claim(codes_in(said) == std::vector{PAM_AUTH_ERR, PAM_SUCCESS}, configuration + said);
    }
}

/// Nor does the host find an error of ours in OpenSSL's queue.
void openssl_that_lacks_properties_decides_nothing(void**) {
    const House house;
    const auto right = right_code(start_of_time);
    const auto outcome = in_child([&] {
        EVP_set_default_properties(nullptr, "fips=yes");
        ERR_clear_error();
        if (log_in(house, answer(right)) != PAM_SUCCESS) return 1;
        return ERR_peek_error() == 0 ? 0 : 2;
    });
    assert_int_equal(outcome, 0);
}

}  // namespace

/// `guest_test PATTERN` runs the tests of that name alone; `guest_test --log-in SERVICES ANSWER...` is a
/// process of some of them.
int main(int count, char* arguments[]) {
    if (count > 2 && std::string_view(arguments[1]) == "--log-in")
        return log_in_with_answers(arguments[2], {arguments + 3, arguments + count});
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_code_lets_one_of_eight_threads_in),
        cmocka_unit_test(eight_threads_with_an_account_each_all_get_in),
        cmocka_unit_test(a_thousand_logins_leave_no_descriptor_open),
        cmocka_unit_test(host_without_standard_descriptors_writes_into_no_record),
        cmocka_unit_test(host_is_afterwards_as_it_was),
        cmocka_unit_test(helper_leaves_the_host_its_children_and_signals),
        cmocka_unit_test(child_that_ends_at_the_prompt_takes_nothing_along),
        cmocka_unit_test(code_of_a_host_that_forks_at_the_prompt_gets_in_once),
        cmocka_unit_test(child_that_is_forked_in_the_middle_keeps_no_account),
        cmocka_unit_test(thread_can_be_cancelled_at_the_prompt),
        cmocka_unit_test(thread_that_is_cancelled_in_the_middle_finishes_its_login),
        cmocka_unit_test(thread_that_may_not_be_cancelled_is_not),
        cmocka_unit_test(openssl_of_the_host_decides_nothing),
        cmocka_unit_test(openssl_that_lacks_properties_decides_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
