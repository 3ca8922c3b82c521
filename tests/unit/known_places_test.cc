#include "core/known_places.h"

#include "core/throttle.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr UnixTime start = 1'800'000'000;
constexpr UnixTime day = 86'400;
constexpr Policy for_an_hour{.remember = 3'600};

/// As the module says it of a remote host.
KnownPlace login_from(std::string_view remote_host, UnixTime now) {
    return {remote_place(remote_host), now, interface_id_of(remote_host)};
}

bool is_remembered(const LoginState& state, std::string_view remote_host, UnixTime now) {
    return remembered_until(state, for_an_hour, remote_place(remote_host), interface_id_of(remote_host), now)
        .has_value();
}

// ---- known

void a_place_is_known_for_90_days_and_not_a_day_more(void**) {
    const LoginState state{.places = {{"desk", start}}};
    assert_true(is_known(state, "desk", start));
    assert_true(is_known(state, "desk", start + 90 * day - 1));
    assert_false(is_known(state, "desk", start + 90 * day + 1));
    assert_false(is_known(state, "des", start));
    assert_false(is_known({}, "desk", start));
}

void a_place_is_known_once(void**) {
    LoginState state;
    for (const auto now : {start, start + 1}) make_known(state, {"desk", now});
    assert_true(state.places == (std::vector<KnownPlace>{{"desk", start + 1}}));
}

void of_nine_places_the_oldest_is_forgotten(void**) {
    LoginState state;
    for (int i = 0; i < 9; ++i)
        make_known(state, login_from("192.0.2." + std::to_string(i), start + (i + 5) % 9));
    assert_int_equal(state.places.size(), maximum_known_places);
    assert_false(is_known(state, "192.0.2.4", start));  // the one that came at `start` itself
    assert_true(is_known(state, "192.0.2.8", start));
}

// ---- remembered

void an_address_is_remembered_for_as_long_as_is_set(void**) {
    for (const std::string host : {"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"}) {
        const LoginState state{.places = {login_from(host, start)}};
        claim(is_remembered(state, host, start), host);
        claim(is_remembered(state, host, start + 3'599), host);
        claim(!is_remembered(state, host, start + 3'600), host);
        claim(!is_remembered(state, host, start - 1), host + " after the clock was set back");
    }
}

void says_until_when(void**) {
    const LoginState state{.places = {login_from("192.0.2.7", start)}};
    assert_true(remembered_until(state, for_an_hour, "192.0.2.7", "", start + 60) == start + 3'600);
}

void nothing_is_remembered_unless_it_is_set(void**) {
    const LoginState state{.places = {login_from("192.0.2.7", start)}};
    assert_false(remembered_until(state, {}, "192.0.2.7", "", start).has_value());
}

void no_other_address_is_remembered(void**) {
    const LoginState state{.places = {login_from("192.0.2.7", start), login_from("2001:db8::7", start)}};
    for (const auto* host : {"192.0.2.8", "2001:db8::8", "2001:db8::", "2001:db8:0:1::7", "::192.0.2.7"})
        claim(!is_remembered(state, host, start), host);
}

void names_and_users_of_this_machine_are_never_remembered(void**) {
    for (const auto* host : {"home.example", "fe80::7%eth0", "192.0.2.7.example", "2001:db8::/64",
                             "127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "::1"}) {
        const LoginState state{.places = {login_from(host, start)}};
        claim(is_known(state, remote_place(host), start), host);
        claim(!is_remembered(state, host, start), host);
    }
    const LoginState local{.places = {{local_place(0), start}}};
    assert_false(remembered_until(local, for_an_hour, local_place(0), "", start).has_value());
}

void a_network_from_before_hosts_were_noted_is_not_remembered(void**) {
    const LoginState state{.places = {{remote_place("2001:db8::7"), start}}};
    assert_false(is_remembered(state, "2001:db8::7", start));
    assert_false(remembered_until(state, for_an_hour, "2001:db8::/64", "", start).has_value());
}

void of_one_network_the_last_host_is_remembered(void**) {
    LoginState state;
    for (const auto* host : {"2001:db8::7", "2001:db8::8"}) make_known(state, login_from(host, start));
    assert_int_equal(state.places.size(), 1);
    assert_true(is_remembered(state, "2001:db8::8", start));
    assert_false(is_remembered(state, "2001:db8::7", start));
}

void nobody_is_remembered_while_known_places_wait(void**) {
    LoginState state{.places = {login_from("192.0.2.7", start)}};
    state.elsewhere = {.failures = 100, .last_failure = start};
    assert_true(is_remembered(state, "192.0.2.7", start));
    state.known = {.failures = 5, .last_failure = start};
    assert_false(is_remembered(state, "192.0.2.7", start + 29));
    assert_true(is_remembered(state, "192.0.2.7", start + 30));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_known_for_90_days_and_not_a_day_more),
        cmocka_unit_test(a_place_is_known_once),
        cmocka_unit_test(of_nine_places_the_oldest_is_forgotten),
        cmocka_unit_test(an_address_is_remembered_for_as_long_as_is_set),
        cmocka_unit_test(says_until_when),
        cmocka_unit_test(nothing_is_remembered_unless_it_is_set),
        cmocka_unit_test(no_other_address_is_remembered),
        cmocka_unit_test(names_and_users_of_this_machine_are_never_remembered),
        cmocka_unit_test(a_network_from_before_hosts_were_noted_is_not_remembered),
        cmocka_unit_test(of_one_network_the_last_host_is_remembered),
        cmocka_unit_test(nobody_is_remembered_while_known_places_wait),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
