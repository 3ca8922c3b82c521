// login: logs in through the real libpam and says what each login cost; tests/bench/run is who calls it.
//
//   login same ROUNDS SERVICE=ATTEMPTS...        all in this process
//
//   login new HOST ROUNDS SERVICE=ATTEMPTS...    a new process for each: HOST, this program or its like
//
//   login once SERVICE TIME USER ANSWER          one, between looks at /begin and /end, for strace
//
//   login crowd SERVICE=ATTEMPTS PROCESSES       so many at once, user0 and so on, each through all attempts
//
//   login shared SERVICE=ATTEMPTS PROCESSES      so many at once, to whom the attempts are dealt out
//
//   login load ROUNDS MODULE...                  dlopen of a module in a new process
//
// ATTEMPTS is a file of lines "TIME USER ANSWER": one for each round. The services of a round are tried in
// random order, so that what else the machine does meets all alike. The time is what the modules are told it
// is: a code is new every thirty seconds, and nobody waits for that. One line on stdout for each login:
//
//   SERVICE OUTCOME LOGIN AUTHENTICATE CPU AUTHENTICATE_CPU PROCESS PROCESS_CPU MEMORY
//
// OUTCOME is what pam_authenticate() gave, times are nanoseconds: from pam_start() to the end of pam_end(),
// in pam_authenticate() alone, the processor's for both; for a process of its own from its start until
// it was waited for, the processor's for that, and the most memory it had in KiB.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <security/pam_appl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/host.h"

extern char** environ;

namespace {

constexpr const char* services = "/run/bench/pam.d";  // without `other`, which libpam would read as well

std::time_t clock_now = 0;  // what the modules are told

using Nanoseconds = std::int64_t;

Nanoseconds clock_of(clockid_t clock) {
    timespec now{};
    syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * Nanoseconds{1'000'000'000} + now.tv_nsec;
}

}  // namespace

// ---- the time, for the modules: they look here before they look into libc

extern "C" {

std::time_t time(std::time_t* where) noexcept {
    if (where != nullptr) *where = clock_now;
    return clock_now;
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
    if (clock != CLOCK_REALTIME) return static_cast<int>(syscall(SYS_clock_gettime, clock, now));
    *now = {.tv_sec = clock_now, .tv_nsec = 0};
    return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
    *now = {.tv_sec = clock_now, .tv_usec = 0};
    return 0;
}
}

namespace {

[[noreturn]] void give_up(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

// ---- one login

struct Attempt {
    std::time_t now = 0;
    std::string user;
    std::string answer;
};

struct Cost {
    int outcome = PAM_ABORT;
    Nanoseconds login = 0;
    Nanoseconds authenticate = 0;
    Nanoseconds cpu = 0;
    Nanoseconds authenticate_cpu = 0;
};

/// The same answer to every prompt.
int answer(int count, const pam_message** messages, pam_response** responses, void* text) {
    *responses = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof **responses));
    for (int i = 0; i < count; ++i) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            (*responses)[i].resp = strdup(static_cast<const char*>(text));
    }
    return PAM_SUCCESS;
}

Cost log_in(const std::string& service, Attempt attempt) {
    clock_now = attempt.now;
    const pam_conv conversation{answer, attempt.answer.data()};
    pam_handle_t* pamh = nullptr;
    Cost cost;
    const auto cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    const auto begin = clock_of(CLOCK_MONOTONIC);
    if (pam_start_confdir(service.c_str(), attempt.user.c_str(), &conversation, services, &pamh) !=
        PAM_SUCCESS)
        give_up("pam_start");
    const auto started = clock_of(CLOCK_MONOTONIC);
    const auto started_cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    cost.outcome = pam_authenticate(pamh, 0);
    cost.authenticate_cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - started_cpu;
    cost.authenticate = clock_of(CLOCK_MONOTONIC) - started;
    pam_end(pamh, cost.outcome);
    cost.login = clock_of(CLOCK_MONOTONIC) - begin;
    cost.cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return cost;
}

/// A login whose system calls can be told from the rest of the process.
int log_in_between_marks(const std::string& service, Attempt attempt) {
    clock_now = attempt.now;
    const pam_conv conversation{answer, attempt.answer.data()};
    pam_handle_t* pamh = nullptr;
    if (pam_start_confdir(service.c_str(), attempt.user.c_str(), &conversation, services, &pamh) !=
        PAM_SUCCESS)
        give_up("pam_start");
    static_cast<void>(access("/begin", F_OK));
    const int outcome = pam_authenticate(pamh, 0);
    static_cast<void>(access("/end", F_OK));
    pam_end(pamh, outcome);
    return outcome;
}

// ---- many, in turn

/// A service with what is tried there.
struct Contender {
    std::string service;
    std::vector<Attempt> attempts;
};

/// SERVICE=FILE.
Contender contender_of(const std::string& argument) {
    const auto equals = argument.find('=');
    Contender contender{argument.substr(0, equals), {}};
    std::ifstream lines(argument.substr(equals + 1));
    for (Attempt attempt; lines >> attempt.now >> attempt.user >> attempt.answer;)
        contender.attempts.push_back(attempt);
    if (contender.attempts.empty()) give_up(argument);
    return contender;
}

std::vector<Contender> contenders_of(std::span<char* const> arguments) {
    std::vector<Contender> contenders;
    contenders.reserve(arguments.size());
    for (const char* argument : arguments) contenders.push_back(contender_of(argument));
    return contenders;
}

/// `take`(i) for each i below `count` once a round, in random order.
template <class Take>
void in_turn(std::size_t rounds, std::size_t count, Take take) {
    std::minstd_rand chance(1);
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::ranges::shuffle(order, chance);
        for (const auto i : order) take(i, round);
    }
}

void print(const std::string& name, const Cost& cost) {
    std::printf("%s %d", name.c_str(), cost.outcome);
    for (const auto time : {cost.login, cost.authenticate, cost.cpu, cost.authenticate_cpu})
        std::printf(" %lld", static_cast<long long>(time));
}

int log_in_here(std::size_t rounds, const std::vector<Contender>& contenders) {
    in_turn(rounds, contenders.size(), [&](std::size_t i, std::size_t round) {
        const auto& [service, attempts] = contenders[i];
        print(service, log_in(service, attempts.at(round)));
        std::puts(" 0 0 0");
    });
    return EXIT_SUCCESS;
}

// ---- a process for each

Nanoseconds nanoseconds(const timeval& time) {
    return time.tv_sec * Nanoseconds{1'000'000'000} + time.tv_usec * Nanoseconds{1'000};
}

/// Runs the program and prints what it said, then what it cost as a process.
void run_and_print(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (auto& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    std::fflush(stdout);
    const auto begin = clock_of(CLOCK_MONOTONIC);
    pid_t process = 0;
    if (posix_spawn(&process, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
        give_up(command[0]);
    int status = 0;
    rusage usage{};
    while (wait4(process, &status, 0, &usage) < 0 && errno == EINTR) continue;
    const auto end = clock_of(CLOCK_MONOTONIC);
    if (status != 0) throw std::runtime_error(command[0] + " failed");
    std::printf(" %lld %lld %ld\n", static_cast<long long>(end - begin),
                static_cast<long long>(nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)),
                usage.ru_maxrss);
}

int log_in_new_processes(const std::string& host, std::size_t rounds,
                         const std::vector<Contender>& contenders) {
    in_turn(rounds, contenders.size(), [&](std::size_t i, std::size_t round) {
        const auto& [service, attempts] = contenders[i];
        const auto& [now, user, answer] = attempts.at(round);
        run_and_print({host, "timed", service, std::to_string(now), user, answer});
    });
    return EXIT_SUCCESS;
}

int load_in_new_processes(const std::string& self, std::size_t rounds, std::span<char* const> modules) {
    in_turn(rounds, modules.size(), [&](std::size_t i, std::size_t) {
        run_and_print({self, "timed-load", modules[i]});
    });
    return EXIT_SUCCESS;
}

int load(const char* module) {
    Cost cost;
    const auto cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    const auto begin = clock_of(CLOCK_MONOTONIC);
    if (dlopen(module, RTLD_NOW) == nullptr) throw std::runtime_error(dlerror());
    cost.login = clock_of(CLOCK_MONOTONIC) - begin;
    cost.cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    print(module, cost);
    return EXIT_SUCCESS;
}

// ---- all at once

/// How many of the attempts were refused, as the exit code.
int log_in_by(const std::string& service, const std::vector<Attempt>& attempts) {
    const auto refused = std::ranges::count_if(
        attempts, [&](const Attempt& attempt) { return log_in(service, attempt).outcome != PAM_SUCCESS; });
    return static_cast<int>(std::min<std::ptrdiff_t>(refused, 255));
}

/// A process for each of `shares`, all at once. Says how many were let in, how many refused, and in which
/// time.
int log_in_together(const std::string& service, const std::vector<std::vector<Attempt>>& shares) {
    int start[2];
    if (pipe(start) != 0) give_up("pipe");
    std::size_t all = 0;
    for (const auto& attempts : shares) {
        all += attempts.size();
        if (fork() != 0) continue;
        close(start[1]);
        char nothing = 0;
        static_cast<void>(!read(start[0], &nothing, 1));  // the end, once the parent starts them
        std::_Exit(log_in_by(service, attempts));
    }
    close(start[0]);
    usleep(200'000);  // until all wait
    const auto begin = clock_of(CLOCK_MONOTONIC);
    close(start[1]);
    std::size_t refused = 0;
    for (int status = 0; wait(&status) > 0;) refused += static_cast<std::size_t>(WEXITSTATUS(status));
    const auto passed = clock_of(CLOCK_MONOTONIC) - begin;
    std::printf("%s %zu %zu %lld\n", service.c_str(), all - refused, refused, static_cast<long long>(passed));
    return EXIT_SUCCESS;
}

/// All attempts for each, who is user0 and so on.
int log_in_as_a_crowd(const Contender& contender, std::size_t processes) {
    std::vector<std::vector<Attempt>> shares(processes, contender.attempts);
    for (std::size_t i = 0; i < processes; ++i)
        for (auto& attempt : shares[i]) attempt.user = "user" + std::to_string(i);
    return log_in_together(contender.service, shares);
}

/// Each attempt once, dealt out in turn.
int log_in_by_shares(const Contender& contender, std::size_t processes) {
    std::vector<std::vector<Attempt>> shares(processes);
    for (std::size_t i = 0; i < contender.attempts.size(); ++i)
        shares[i % processes].push_back(contender.attempts[i]);
    return log_in_together(contender.service, shares);
}

int run(std::span<char* const> arguments) {
    const auto text = [&](std::size_t i) -> std::string {
        if (i >= arguments.size()) throw std::runtime_error("see the head of login.cc");
        return arguments[i];
    };
    const auto number = [&](std::size_t i) { return std::stoul(text(i)); };
    const auto mode = text(1);
    if (mode == "same") return log_in_here(number(2), contenders_of(arguments.subspan(3)));
    if (mode == "new") return log_in_new_processes(text(2), number(3), contenders_of(arguments.subspan(4)));
    if (mode == "crowd") return log_in_as_a_crowd(contender_of(text(2)), number(3));
    if (mode == "shared") return log_in_by_shares(contender_of(text(2)), number(3));
    if (mode == "load") return load_in_new_processes(text(0), number(2), arguments.subspan(3));
    if (mode == "timed-load") return load(arguments[2]);
    prepare_host();
    const Attempt attempt{static_cast<std::time_t>(number(3)), text(4), text(5)};
    if (mode == "once") return log_in_between_marks(text(2), attempt);
    print(text(2), log_in(text(2), attempt));
    return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char* arguments[]) {
    try {
        return run({arguments, static_cast<std::size_t>(count)});
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return EXIT_FAILURE;
    }
}
