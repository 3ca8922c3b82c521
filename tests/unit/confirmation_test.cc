#include "core/confirmation.h"

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr UnixTime start = 1'800'000'000;

SecretBytes shown(const Device& device, int steps) {
    return SecretBytes(code_around(device.credential, start, steps));
}

void a_right_code_is_spent_by_it(void**) {
    const auto phone = totp_device("phone");
    Confirmation confirmation(phone, {}, "192.0.2.7");
    const auto state = confirmation.take(shown(phone, 0), start);
    assert_true(state.has_value());
    assert_int_equal(state->devices.size(), 1);
    const auto& device = state->devices.front();
    assert_text(device.id, phone.id);
    assert_int_equal(device.next.value(), time_step(start, 30) + 1);
    assert_int_equal(device.last_used, start);
    assert_text(device.from, "192.0.2.7");
    assert_text(confirmation.explanation().english(), "");
}

void there_are_three_tries_and_each_may_be_right(void**) {
    const auto phone = totp_device("phone");
    for (int wrong = 0; wrong < 3; ++wrong) {
        Confirmation confirmation(phone, {});
        for (int i = 0; i < wrong; ++i) assert_false(confirmation.take(SecretBytes("12"), start).has_value());
        assert_true(confirmation.has_tries_left());
        assert_true(confirmation.take(shown(phone, 0), start).has_value());
    }
    Confirmation confirmation(phone, {});
    for (int i = 0; i < 3; ++i) static_cast<void>(confirmation.take(SecretBytes("12"), start));
    assert_false(confirmation.has_tries_left());
}

/// What is said of a wrong code at the first try, without the advice to try again.
std::string explained(const Device& device, const SecretBytes& code) {
    Confirmation confirmation(device, {});
    assert_false(confirmation.take(code, start).has_value());
    const std::string again = "; try the one shown now";
    const auto text = confirmation.explanation().english();
    claim(text.ends_with(again), text);
    return text.substr(0, text.size() - again.size());
}

void a_clock_that_is_off_is_named_with_how_much(void**) {
    const auto phone = totp_device("phone");
    const std::string before = "that code is right for another time: the device's clock is about ";
    const std::string after = " this machine's; set the one that is wrong";
    assert_text(explained(phone, shown(phone, 5)), before + "150 s ahead of" + after);
    assert_text(explained(phone, shown(phone, -20)), before + "600 s behind" + after);
    assert_text(explained(phone, shown(phone, 21)), "that code isn't right");
}

void a_counter_that_is_ahead_is_named(void**) {
    const auto token = hotp_device("token", 5);
    assert_text(
        explained(token, SecretBytes(code_at(token.credential, 20))),
        "that code comes later: the device's counter is at 20, was its button pressed often? Give the "
        "codes as they come from a new start");
}

void what_is_no_code_is_told_how_many_digits_it_has(void**) {
    const auto token = device_of("token", {.digits = 8});
    for (const auto* text : {"", "123456", "1234567", "123456789", "abcd efgh"})
        assert_text(explained(token, SecretBytes(text)), "that isn't a code of 8 digits");
}

void the_last_try_gives_no_advice_to_try_again(void**) {
    Confirmation confirmation(totp_device("phone"), {});
    for (int i = 0; i < 3; ++i) static_cast<void>(confirmation.take(SecretBytes("x"), start));
    assert_text(confirmation.explanation().english(), "that isn't a code of 6 digits");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_right_code_is_spent_by_it),
        cmocka_unit_test(there_are_three_tries_and_each_may_be_right),
        cmocka_unit_test(a_clock_that_is_off_is_named_with_how_much),
        cmocka_unit_test(a_counter_that_is_ahead_is_named),
        cmocka_unit_test(what_is_no_code_is_told_how_many_digits_it_has),
        cmocka_unit_test(the_last_try_gives_no_advice_to_try_again),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
