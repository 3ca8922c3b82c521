#include "enroll/foreign/adoption.h"

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr UnixTime now = 1'800'000'000;

ForeignDevice foreign_of(const Device& device, Counter next = 0) {
    return {.credential = device.credential, .next = next};
}

ForeignDevice with_codes(ForeignDevice foreign, std::vector<std::string> codes) {
    for (const auto& code : codes) foreign.recovery_digits.emplace_back(code);
    return foreign;
}

Adoption adopted(const std::vector<ForeignDevice>& devices, const Enrolment& enrolment = {},
                 const LoginState& state = {}) {
    return value_of(adopt(enrolment, state, devices, std::nullopt, Policy{}, now));
}

void enrols_the_first_device_with_what_is_spent(void**) {
    auto foreign = foreign_of(totp_device("x"), 58'000'001);
    foreign.drift = -3;
    foreign.last_used = 1'700'000'000;
    const auto adoption = adopted({foreign});
    assert_true(adoption.adds_devices());
    assert_text(adoption.devices.at(0).name, "phone");
    const auto& device = adoption.enrolment.devices.at(0);
    const auto* state = adoption.state.device(device.id);
    assert_true(state != nullptr && state->next == 58'000'001 && state->drift == -3 &&
                state->last_used == 1'700'000'000);
    assert_false(contradiction_in(adoption.enrolment).has_value());
    assert_ptr_equal(device_without_state(adoption.enrolment, adoption.state), nullptr);
}

void keeps_the_recovery_codes_beside_those_there_are(void**) {
    Enrolment enrolment{.devices = {totp_device("phone")},
                        .recovery = value_of(new_recovery_codes(2)).hashes};
    const auto adoption = adopted({with_codes(foreign_of(hotp_device("x")), {"12345678", "87654321"})},
                                  enrolment, new_login_state(enrolment));
    assert_int_equal(adoption.devices.at(0).recovery_codes, 2);
    assert_int_equal(adoption.enrolment.recovery.size(), 4);
    assert_true(find_recovery_code(SecretBytes("87654321"), adoption.enrolment.recovery) == 3);
}

void a_further_device_gets_the_next_free_name(void**) {
    const Enrolment enrolment{.devices = {totp_device("phone")}};
    const auto adoption = adopted({foreign_of(totp_device("x")), foreign_of(totp_device("y"))}, enrolment,
                                  new_login_state(enrolment));
    assert_text(adoption.devices[0].name, "phone-2");
    assert_text(adoption.devices[1].name, "phone-3");
    assert_int_equal(adoption.state.devices.size(), 3);
}

void the_same_once_more_changes_nothing(void**) {
    const std::vector arrived = {with_codes(foreign_of(totp_device("x"), 7), {"12345678"}),
                                 foreign_of(hotp_device("y", 4), 4)};
    const auto first = adopted(arrived);
    const auto again = adopted(arrived, first.enrolment, first.state);
    assert_false(again.adds_devices());
    assert_true(again.enrolment == first.enrolment && again.state == first.state);
    assert_text(again.devices[1].name, "phone-2");
}

void what_was_used_there_since_is_spent_here_too(void**) {
    const auto first = adopted({foreign_of(hotp_device("x", 4), 4)});
    const auto again = adopted({foreign_of(hotp_device("x", 9), 9)}, first.enrolment, first.state);
    assert_false(again.adds_devices());
    assert_int_equal(again.state.devices.at(0).next.value(), 9);
}

void what_was_used_here_stays_spent(void**) {
    auto first = adopted({foreign_of(hotp_device("x", 4), 4)});
    first.state.devices[0].next = 20;
    const auto again = adopted({foreign_of(hotp_device("x", 9), 9)}, first.enrolment, first.state);
    assert_true(again.state == first.state);
}

/// The device was taken away, its state is still there.
void a_device_that_comes_back_keeps_what_is_spent(void**) {
    const auto phone = totp_device("x");
    const LoginState state{.devices = {{.id = phone.id, .next = 1'000}}};
    assert_int_equal(adopted({foreign_of(phone, 10)}, {}, state).state.device(phone.id)->next.value(), 1'000);
}

void a_device_whose_past_is_lost_stays_refused(void**) {
    auto first = adopted({foreign_of(hotp_device("x"))});
    first.state.devices[0].next.reset();
    const auto again = adopted({foreign_of(hotp_device("x", 9), 9)}, first.enrolment, first.state);
    assert_false(again.state.devices[0].next.has_value());
}

/// All the file knows is what was spent before the first import.
void what_was_spent_does_not_come_back_where_the_state_is_lost(void**) {
    const std::vector arrived = {with_codes(foreign_of(totp_device("x"), 7), {"12345678"}),
                                 foreign_of(hotp_device("y", 4), 4)};
    const auto first = adopted(arrived);
    const auto again = adopted(arrived, first.enrolment, LoginState{});
    assert_true(again.state == with_lost_devices_restarted({}, first.enrolment, now));
    assert_int_equal(again.state.devices.at(0).next.value(), time_step(now, 30) + 1);
    assert_false(again.state.devices.at(1).next.has_value());
    assert_int_equal(recovery_codes_left(again.enrolment, again.state, now), 0);
}

void a_further_device_brings_nothing_back_where_the_state_is_lost(void**) {
    const auto first = adopted({with_codes(foreign_of(hotp_device("x"), 4), {"12345678"})});
    const auto further = adopted({foreign_of(totp_device("y"))}, first.enrolment, LoginState{});
    assert_true(further.adds_devices());
    assert_ptr_equal(device_without_state(further.enrolment, further.state), nullptr);
    assert_false(further.state.device(first.enrolment.devices.at(0).id)->next.has_value());
    assert_int_equal(recovery_codes_left(further.enrolment, further.state, now), 0);
}

void recovery_codes_made_void_do_not_come_back(void**) {
    const auto foreign = with_codes(foreign_of(totp_device("x")), {"12345678"});
    auto first = adopted({foreign});
    first.enrolment.recovery.clear();
    assert_true(adopted({foreign}, first.enrolment, first.state).enrolment.recovery.empty());
}

void refuses_and_says_why(void**) {
    Enrolment full{.devices = {}};
    for (int i = 0; i < 8; ++i) full.devices.push_back(totp_device("phone-" + std::to_string(i)));
    Enrolment one{.devices = {totp_device("phone")}, .recovery = value_of(new_recovery_codes(32)).hashes};
    auto far = foreign_of(totp_device("x"));
    far.drift = -21;
    auto other_shape = foreign_of(device_of("phone", {.digits = 8}));
    const auto refused = [](const Enrolment& enrolment, const std::vector<ForeignDevice>& devices,
                            const std::optional<std::string>& name, std::string_view why) {
        assert_failure(adopt(enrolment, new_login_state(enrolment), devices, name, Policy{}, now),
                       Trouble::input, why);
    };
    refused(full, {foreign_of(totp_device("x"))}, std::nullopt, "has 8 devices already");
    refused(one, {foreign_of(totp_device("x"))}, "phone", "has a device phone already");
    refused(one, {with_codes(foreign_of(totp_device("x")), {"12345678"})}, std::nullopt,
            "more than 32 recovery codes");
    const auto step = time_step(now, 30);
    refused(one, {foreign_of(totp_device("x"), step + 201)}, std::nullopt, "that come long from now");
    assert_true(adopted({foreign_of(totp_device("x"), step + 200)}).adds_devices());
    auto used_late = foreign_of(device_of("x", {.type = CredentialType::hotp}));
    used_late.last_used = now + 86'401;
    refused(one, {used_late}, std::nullopt, "that was used long from now");
    --used_late.last_used;
    assert_true(adopted({used_late}).adds_devices());
    refused(one, {far}, std::nullopt,
            "has a device whose clock is 21 steps behind, more than max_drift (20)");
    refused(one, {other_shape}, std::nullopt,
            "has a device phone with this secret, but as time-based, SHA1, 6");
    refused(one, {foreign_of(totp_device("x")), foreign_of(totp_device("y"))}, "both", "would get 2 devices");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(enrols_the_first_device_with_what_is_spent),
        cmocka_unit_test(keeps_the_recovery_codes_beside_those_there_are),
        cmocka_unit_test(a_further_device_gets_the_next_free_name),
        cmocka_unit_test(the_same_once_more_changes_nothing),
        cmocka_unit_test(what_was_used_there_since_is_spent_here_too),
        cmocka_unit_test(what_was_used_here_stays_spent),
        cmocka_unit_test(a_device_that_comes_back_keeps_what_is_spent),
        cmocka_unit_test(a_device_whose_past_is_lost_stays_refused),
        cmocka_unit_test(what_was_spent_does_not_come_back_where_the_state_is_lost),
        cmocka_unit_test(a_further_device_brings_nothing_back_where_the_state_is_lost),
        cmocka_unit_test(recovery_codes_made_void_do_not_come_back),
        cmocka_unit_test(refuses_and_says_why),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
