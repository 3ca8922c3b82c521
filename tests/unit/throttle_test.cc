// What is told; when a side is open is verifier_test's.
#include "core/throttle.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void tells_how_long_to_wait_in_the_largest_unit_that_says_enough(void**) {
    const std::pair<UnixTime, const char*> cases[] = {
        {1, "1 second."},       {2, "2 seconds."},   {60, "60 seconds."},   {61, "2 minutes."},
        {3'600, "60 minutes."}, {3'601, "2 hours."}, {86'400, "24 hours."},
    };
    for (const auto& [seconds, words] : cases)
        assert_text(told_to_wait(seconds).english(),
                    std::string("Too many wrong codes. Try again in ") + words);
}

void tells_who_has_to_ask_an_administrator(void**) {
    assert_text(told_to_wait(std::nullopt).english(),
                "Too many wrong codes: waiting doesn't help. Ask the administrator, or run totp-enroll unlock where you are logged in.");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_long_to_wait_in_the_largest_unit_that_says_enough),
        cmocka_unit_test(tells_who_has_to_ask_an_administrator),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
