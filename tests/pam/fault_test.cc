// A login in which one call fails: each call in turn, in every way it can. Nobody gets in whose code isn't
// spent on disk, nothing of the enrolment or the state is lost, and the next login works.
#include <algorithm>
#include <cerrno>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/pam/faulty_login.h"

namespace {

using faults::Fault;
using faults::Kind;
using namespace faulty;

constexpr int errors[] = {EACCES, EDQUOT, EINTR, EIO, EMFILE, ENOMEM, ENOSPC, EROFS};

std::string name_of(const Fault& fault, const Door& door) {
    const auto index = fault.at - 1;
    const auto call = index < door.calls().size() ? door.calls()[index] : "?";
    const auto how = fault.kind == Kind::error       ? std::string(strerror(fault.error))
                     : fault.kind == Kind::cut_short ? "cut short"
                                                     : "killed";
    return "call " + std::to_string(fault.at) + ", " + call + ": " + how;
}

/// Calls `at_fault` for each call of a login with the answer and each way it can fail.
void for_each_fault(Door& door, const std::function<std::string(totp::UnixTime)>& answer,
                    const std::function<void(const Fault&)>& at_fault) {
    door.authenticate(answer(door.now()));
    const auto calls = door.calls();
    for (const auto* name : {"openat", "flock", "read", "pwrite", "fdatasync"})
        claim(std::ranges::count(calls, std::string_view(name)) > 0,
              std::string(name) + " is among the calls");
    door.pass_time();
    for (std::size_t at = 1; at <= calls.size(); ++at) {
        for (const int error : errors) at_fault({at, Kind::error, error});
        at_fault({at, Kind::cut_short});
    }
    count_cases(calls.size() * (std::size(errors) + 1));
}

void right_code_gets_in_only_if_it_is_spent(void**) {
    Door door;
    int in = 0;
    int cases = 0;
    for_each_fault(door, stage::right_code, [&](const Fault& fault) {
        const int code = door.authenticate(stage::right_code(door.now()), fault);
        const auto what = name_of(fault, door);
        claim(code == PAM_SUCCESS || code == PAM_AUTHINFO_UNAVAIL || code == PAM_BUF_ERR ||
                  code == PAM_SYSTEM_ERR,
              what + ": gives " + std::to_string(code));
        claim(code != PAM_SUCCESS || door.is_spent(), what + ": in with a code that isn't spent");
        in += code == PAM_SUCCESS;
        ++cases;
        claim_that_life_goes_on(door, what);
    });
    claim(cases > 200 && in > 0 && in < cases, "some faults matter and some don't");
}

void wrong_code_never_gets_in_and_is_counted_or_undecided(void**) {
    Door door;
    for_each_fault(door, stage::wrong_code, [&](const Fault& fault) {
        const auto failures = door.state().known.failures + door.state().elsewhere.failures;
        const int code = door.authenticate(stage::wrong_code(door.now()), fault);
        const auto what = name_of(fault, door);
        const auto failures_now = door.state().known.failures + door.state().elsewhere.failures;
        claim(code == PAM_AUTH_ERR || code == PAM_AUTHINFO_UNAVAIL || code == PAM_BUF_ERR ||
                  code == PAM_SYSTEM_ERR,
              what + ": gives " + std::to_string(code));
        claim(code != PAM_AUTH_ERR || failures_now == failures + 1, what + ": refused and not counted");
        door.pass_time();
    });
    claim(door.authenticate(stage::right_code(door.now())) == PAM_SUCCESS, "and life goes on");
}

void process_killed_at_any_call_loses_nothing(void**) {
    Door door;
    door.authenticate(stage::right_code(door.now()));
    const auto calls = door.calls().size();
    door.pass_time();
    for (std::size_t at = 1; at <= calls; ++at) {
        const Fault fault{at, Kind::killed};
        const pid_t child = fork();
        if (child == 0) _exit(door.authenticate(stage::right_code(door.now()), fault));
        int status = 0;
        waitpid(child, &status, 0);
        claim(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, name_of(fault, door));
        claim_that_life_goes_on(door, name_of(fault, door));
    }
    count_cases(calls);
}

}  // namespace

/// `fault_test PATTERN` runs the tests of that name alone.
int main(int count, char* arguments[]) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(right_code_gets_in_only_if_it_is_spent),
        cmocka_unit_test(wrong_code_never_gets_in_and_is_counted_or_undecided),
        cmocka_unit_test(process_killed_at_any_call_loses_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
