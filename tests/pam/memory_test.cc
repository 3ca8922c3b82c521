// A login that gets no memory: at each allocation in turn. Nobody gets in whose code isn't spent on disk, and
// the next login works. Not for builds whose sanitizer is the allocator.
#include "tests/pam/faulty_login.h"

namespace {

using namespace faulty;

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

}  // namespace

int main() {
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {cmocka_unit_test(memory_that_runs_out_lets_nobody_in)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
