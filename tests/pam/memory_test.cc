// A login that gets no memory: at each allocation in turn. Nobody gets in whose code isn't spent on disk, and
// the next login works. Not for builds whose sanitizer is the allocator.
#include "tests/pam/faulty_login.h"
#include "tests/pam/guest.h"

namespace {

using namespace faulty;

bool is_answer_wiped = false;

}  // namespace

// In libc's place.
extern "C" {

void explicit_bzero(void* block, std::size_t size) noexcept {
    is_answer_wiped = is_answer_wiped || block == answered;
    std::memset(block, 0, size);
}

void __explicit_bzero_chk(void* block, std::size_t size, std::size_t) noexcept {
    explicit_bzero(block, size);
}
}

namespace {

void memory_that_runs_out_lets_nobody_in(void**) {
    Door door;
    door.authenticate(stage::right_code(door.now()), {.is_in_memory = true});
    const auto allocations = door.calls().size();
    claim(allocations > 50, "memory is taken");
    door.pass_time();
    for (std::size_t at = 1; at <= allocations; ++at) {
        const int code = door.authenticate(stage::right_code(door.now()), {.at = at, .is_in_memory = true});
        const auto what = "allocation " + std::to_string(at);
        claim(code != PAM_SUCCESS || door.is_spent(), what + ": in with a code that isn't spent");
        claim_that_life_goes_on(door, what);
    }
    count_cases(allocations);
}

/// Each time in a process whose thread has thrown nothing yet. Only from the prompt on: before, libpam itself
/// looks for memory without end (pam_modutil_getpwnam).
void memory_that_is_gone_for_good_does_not_end_the_host(void**) {
    constexpr int ended_by_libc = 127;
    constexpr int is_over = 254;
    Door door;
    std::size_t at = 1;
    for (int outcome = 0; outcome != is_over; ++at) {
        outcome = guest::in_child([&] {
            const int code = door.authenticate_and_fail_after_prompt(
                stage::right_code(door.now()), {.at = at, .is_in_memory = true, .is_for_good = true});
            if (door.calls().size() < at) return is_over;
            return code == PAM_SUCCESS && !door.is_spent() ? PAM_SUCCESS + 200 : code;
        });
        const auto what = "from allocation " + std::to_string(at) + " on: " + std::to_string(outcome);
        claim(outcome < ended_by_libc || outcome == is_over, what);
        door.pass_time();
    }
    claim(at > 50, "memory is taken");
    count_cases(at);
}

/// Also where there is none to keep it.
void answer_is_wiped_whatever_memory_there_is(void**) {
    Door door;
    door.authenticate_and_fail_after_prompt(stage::right_code(door.now()), {.is_in_memory = true});
    const auto allocations = door.calls().size();
    for (std::size_t at = 1; at <= allocations; ++at) {
        door.pass_time();
        is_answer_wiped = false;
        door.authenticate_and_fail_after_prompt(stage::right_code(door.now()),
                                                {.at = at, .is_in_memory = true});
        claim(is_answer_wiped, "allocation " + std::to_string(at) + ": the answer is wiped");
    }
    count_cases(allocations);
}

}  // namespace

int main() {
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_gone_for_good_does_not_end_the_host),
        cmocka_unit_test(memory_that_runs_out_lets_nobody_in),
        cmocka_unit_test(answer_is_wiped_whatever_memory_there_is),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
