#include "enroll/bulk/progress_line.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void tells_how_far_how_fast_and_how_long(void**) {
    assert_text(progress_line({.done = 2500, .all = 10000, .worked = 2500, .seconds = 12.5}, 79),
                "2500 of 10000 [##########------------------------------] 200/s, 0:38 left");
    assert_text(progress_line({.done = 10, .all = 10, .worked = 10, .seconds = 2}, 200),
                "10 of 10 [########################################] 5/s, 0:00 left");
}

void guesses_no_rate_from_what_took_no_time_or_too_little(void**) {
    const std::string all_of_bar(31, '-');
    assert_text(progress_line({.done = 0, .all = 20, .worked = 0, .seconds = 0.1}, 41),
                "0 of 20 [" + all_of_bar + "]");
    assert_text(progress_line({.done = 1, .all = 20, .worked = 0, .seconds = 5}, 20), "1 of 20 [----------]");
    assert_text(progress_line({.done = 1, .all = 20, .worked = 0, .seconds = 5}, 19), "1 of 20");
    const auto resumed = progress_line({.done = 5100, .all = 10000, .worked = 100, .seconds = 1}, 79);
    claim(resumed.ends_with("100/s, 0:49 left"), resumed);
}

void spells_hours(void**) {
    const auto slow = progress_line({.done = 1, .all = 3902, .worked = 1, .seconds = 1}, 79);
    claim(slow.ends_with(" 1/s, 1:05:01 left"), slow);
}

void is_never_wider_than_the_terminal(void**) {
    for (int columns = 0; columns < 100; ++columns) {
        const auto line = progress_line({.done = 4213, .all = 10000, .worked = 4213, .seconds = 20}, columns);
        claim(line.size() <= static_cast<std::size_t>(columns), line);
        claim(columns < 13 || line.starts_with("4213 of 10000"), line);
        claim(columns < 30 || line.ends_with("left"), line);
    }
    assert_text(progress_line({.done = 1, .all = 2, .worked = 1, .seconds = 1}, -1), "");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_far_how_fast_and_how_long),
        cmocka_unit_test(guesses_no_rate_from_what_took_no_time_or_too_little),
        cmocka_unit_test(spells_hours),
        cmocka_unit_test(is_never_wider_than_the_terminal),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
