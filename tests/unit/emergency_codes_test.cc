#include "core/emergency_codes.h"

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void what_is_made_for_emergencies_is_known_as_such(void**) {
    const auto enrolment = value_of(new_emergency_enrolment());
    assert_true(is_for_emergencies(enrolment));
    assert_true(enrolment.recovery.empty());
    assert_int_equal(enrolment.devices.front().credential.secret.size(), 20);
}

void each_has_a_key_of_its_own(void**) {
    const auto one = value_of(new_emergency_enrolment());
    const auto other = value_of(new_emergency_enrolment());
    assert_true(one.devices.front().credential.secret != other.devices.front().credential.secret);
}

void what_people_enrol_is_not_for_emergencies(void**) {
    const auto emergency = hotp_device(std::string(emergency_device));
    assert_false(is_for_emergencies({}));
    assert_false(is_for_emergencies({.devices = {totp_device("phone")}}));
    assert_false(is_for_emergencies({.devices = {emergency, totp_device("phone")}}));
    assert_true(is_for_emergencies({.devices = {emergency}}));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_for_emergencies_is_known_as_such),
        cmocka_unit_test(each_has_a_key_of_its_own),
        cmocka_unit_test(what_people_enrol_is_not_for_emergencies),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
