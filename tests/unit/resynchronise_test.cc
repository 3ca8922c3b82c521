#include "core/resynchronise.h"

#include <map>

#include "core/decimal.h"
#include "tests/unit/door.h"

namespace totp::testing {
namespace {

using Outcome = Resynchronisation::Outcome;

Outcome outcome_named(const std::string& name) {
    static const std::map<std::string, Outcome> outcomes = {{"done", Outcome::done},
                                                            {"no_match", Outcome::no_match},
                                                            {"spent", Outcome::spent},
                                                            {"too_far", Outcome::too_far}};
    return outcomes.at(name);
}

std::int64_t number_in(const std::string& text) { return parse_decimal<std::int64_t>(text).value(); }

/// What comes of typing what `device` shows at these counters.
Resynchronisation typed(const Door& door, std::string_view device, Counter first, Counter second) {
    const auto& credential = door.enrolment.device_named(device)->credential;
    return resynchronise(door.enrolment, door.state, door.policy, code_at(credential, first),
                         code_at(credential, second), start);
}

Resynchronisation typed_in_a_row(const Door& door, std::string_view device, Counter first) {
    return typed(door, device, first, first + 1);
}

constexpr Counter current_step = start / 30;

/// Fails unless the state after is the one before but for where the door's first device stands.
void claim_that_nothing_else_changed(const Door& door, const Resynchronisation& result, Counter next,
                                     int drift, const std::string& what) {
    auto expected = door.state;
    expected.devices[0].next = next;
    expected.devices[0].drift = drift;
    claim(result.after == expected, what + ": the device alone is moved");
}

// ---- how far it looks, and what it finds

void finds_time_steps_as_the_vectors_say(void**) {
    for (const auto& row : vector_table("resynchronise_totp.txt", 7)) {
        const auto period = static_cast<int>(number_in(row[0]));
        const auto step = [&](const std::string& ahead) {
            return static_cast<Counter>(start / period + number_in(ahead));
        };
        Door door({device_of("phone", {.period = period})});
        door.policy.max_drift = static_cast<int>(number_in(row[1]));
        door.state.devices[0].next = row[2] == "-" ? std::nullopt : std::optional(step(row[2]));
        const auto what = row[0] + "|" + row[1] + "|" + row[2] + "|" + row[3] + "|" + row[4];

        const auto result = typed(door, "phone", step(row[3]), step(row[4]));

        claim(result.outcome == outcome_named(row[5]), what + " is " + row[5]);
        claim(result.seconds == number_in(row[6]), what + " is off by " + std::to_string(result.seconds));
        claim(result.device == (row[5] == "no_match" ? "" : "phone"), what + " names " + result.device);
        if (result.outcome == Outcome::done) {
            claim_that_nothing_else_changed(door, result, step(row[4]) + 1,
                                            static_cast<int>(number_in(row[4])), what);
        }
    }
}

void finds_counters_as_the_vectors_say(void**) {
    for (const auto& row : vector_table("resynchronise_hotp.txt", 5)) {
        const auto counter = [&](std::size_t column) { return static_cast<Counter>(number_in(row[column])); };
        Door door({hotp_device("key", counter(0))});
        door.state.devices[0].next = row[1] == "-" ? std::nullopt : std::optional(counter(1));
        const auto what = row[0] + "|" + row[1] + "|" + row[2] + "|" + row[3];

        const auto result = typed(door, "key", counter(2), counter(3));

        claim(result.outcome == outcome_named(row[4]), what + " is " + row[4]);
        claim(result.device == (row[4] == "done" ? "key" : ""), what + " names " + result.device);
        claim(result.seconds == 0, what + " has no clock");
        if (result.outcome == Outcome::done)
            claim_that_nothing_else_changed(door, result, counter(3) + 1, 0, what);
    }
}

void finds_the_first_steps_there_are(void**) {
    Door door({totp_device("phone")});
    const auto& credential = door.enrolment.devices[0].credential;
    const auto result = resynchronise(door.enrolment, door.state, door.policy, code_at(credential, 0),
                                      code_at(credential, 1), 30);
    assert_true(result.outcome == Outcome::done && result.seconds == 0);
}

/// At this counter and the next the key shows one and the same code; known by searching.
constexpr Counter twin_counter = 1'762'361;

void finds_a_code_that_follows_itself(void**) {
    const Door door({hotp_device("key", twin_counter - 5)});
    const auto& credential = door.enrolment.devices[0].credential;
    assert_text(code_at(credential, twin_counter), code_at(credential, twin_counter + 1));
    const auto result = typed_in_a_row(door, "key", twin_counter);
    assert_true(result.outcome == Outcome::done && result.after.devices[0].next == twin_counter + 2);
}

void finds_the_code_after_one_that_came_twice(void**) {
    const Door door({hotp_device("key", twin_counter - 5)});
    const auto result = typed_in_a_row(door, "key", twin_counter + 1);
    assert_true(result.outcome == Outcome::done && result.after.devices[0].next == twin_counter + 3);
}

// ---- what it leaves behind

void both_codes_are_spent_and_the_next_one_gets_in(void**) {
    for (const int ahead : {-15, 15}) {
        Door door({totp_device("phone")});
        const auto result = typed_in_a_row(door, "phone", current_step + static_cast<Counter>(ahead - 1));
        door.state = result.after;
        for (const int spent : {ahead - 1, ahead}) {
            assert_true(door.attempt(door.code("phone", start, spent), start).reason == Reason::replayed);
        }
        assert_true(door.attempt(door.code("phone", start, ahead + 1), start).verdict == Verdict::accepted);
    }
}

void both_codes_of_a_counter_are_spent_and_the_next_one_gets_in(void**) {
    Door door({hotp_device("key")});
    door.state = typed_in_a_row(door, "key", 700).after;
    const auto& credential = door.enrolment.devices[0].credential;
    for (const Counter spent : {700, 701}) {
        assert_true(door.attempt(code_at(credential, spent), start).reason == Reason::replayed);
    }
    assert_true(door.attempt(code_at(credential, 702), start).verdict == Verdict::accepted);
}

void the_same_two_codes_work_once(void**) {
    Door door({totp_device("phone")});
    door.state = typed_in_a_row(door, "phone", current_step).after;
    assert_true(typed_in_a_row(door, "phone", current_step).outcome == Outcome::spent);
    assert_true(typed_in_a_row(door, "phone", current_step + 1).outcome == Outcome::spent);
    assert_true(typed_in_a_row(door, "phone", current_step + 2).outcome == Outcome::done);
}

/// With something in every place that a careless change could touch.
LoginState eventful(LoginState state) {
    state.sequence = 41;
    state.known = {.failures = 3, .level = 5, .last_failure = start - 9, .from = "desk"};
    state.elsewhere = {.failures = 7, .near_miss = NearMiss{state.devices[0].id, 123}};
    for (auto& device : state.devices) {
        device.drift = 4;
        device.last_used = start - 99;
        device.from = "desk";
    }
    state.spent_recovery = {"abcdefgh"};
    state.places = {{"desk", start - 100}};
    state.changes = Changes{.last = start - 1, .added_device = true};
    return state;
}

void changes_nothing_but_where_the_device_stands(void**) {
    Door door({totp_device("phone"), totp_device("tablet"), hotp_device("key", 5)});
    door.state = eventful(door.state);
    const auto result = typed_in_a_row(door, "phone", current_step + 9);
    claim_that_nothing_else_changed(door, result, current_step + 11, 10, "phone");
}

// ---- several devices

/// Two that show six digits, two that show eight.
Door crowded_door() {
    return Door({totp_device("phone"), device_of("long", {.digits = 8}),
                 device_of("sha", {.algorithm = Algorithm::sha512}),
                 device_of("key", {.type = CredentialType::hotp, .digits = 8, .counter = 9})});
}

void names_the_device_and_moves_no_other(void**) {
    const auto door = crowded_door();
    for (std::size_t i = 0; i < door.enrolment.devices.size(); ++i) {
        const auto& device = door.enrolment.devices[i];
        const bool is_totp = device.credential.type == CredentialType::totp;
        const auto first = is_totp ? current_step + 3 : 12;
        auto expected = door.state;
        expected.devices[i].next = first + 2;
        if (is_totp) expected.devices[i].drift = 4;

        const auto result = typed_in_a_row(door, device.name, first);

        claim(result.outcome == Outcome::done && result.device == device.name, device.name);
        claim(result.after == expected, device.name + " alone is moved");
    }
}

void codes_of_two_devices_are_no_two_codes_in_a_row(void**) {
    const auto door = crowded_door();
    const auto result =
        resynchronise(door.enrolment, door.state, door.policy, door.code("phone", start, 0),
                      code_around(door.enrolment.device_named("sha")->credential, start, 1), start);
    assert_true(result.outcome == Outcome::no_match);
}

/// Where the device shows two codes in a row that begin with two zeros.
Counter counter_of_two_small_codes(const Credential& credential) {
    for (Counter counter = 0; counter < 100'000; ++counter) {
        const bool are_small = code_at(credential, counter) < "01" && code_at(credential, counter + 1) < "01";
        if (are_small) return counter;
    }
    claim(false, "there are two");
    return 0;
}

void six_digits_are_no_codes_of_a_device_that_shows_eight(void**) {
    auto door = crowded_door();
    const auto& key = door.enrolment.device_named("key")->credential;
    const auto counter = counter_of_two_small_codes(key);
    door.state.devices[3].next = counter;
    const auto outcome = [&](std::size_t digits_left_out) {
        return resynchronise(door.enrolment, door.state, door.policy,
                             code_at(key, counter).substr(digits_left_out),
                             code_at(key, counter + 1).substr(digits_left_out), start)
            .outcome;
    };
    assert_true(outcome(0) == Outcome::done);
    assert_true(outcome(2) == Outcome::no_match);
}

// ---- a device whose past is lost

struct LostCase {
    int second;  ///< the step of the second code, from the current one on
    int next;    ///< the first that counts then
    int skipped;
};

/// Codes up to the current step may have been used: they show where the device stands, and count no more.
void a_device_the_state_knows_nothing_of_begins_after_the_current_step(void**) {
    for (const auto& [second, next, skipped] :
         {LostCase{-20, 1, 20}, {-1, 1, 1}, {0, 1, 0}, {1, 2, 0}, {20, 21, 0}}) {
        Door door({totp_device("phone")});
        door.state = {};
        const auto what = "second code of step " + std::to_string(second);

        const auto result = typed_in_a_row(door, "phone", current_step + static_cast<Counter>(second - 1));

        claim(result.outcome == Outcome::done && result.device == "phone", what);
        claim(result.seconds == second * 30, what + ": how far it is off");
        claim(result.skipped == skipped, what + " skips " + std::to_string(result.skipped));
        claim(result.after.devices[0].next == current_step + static_cast<Counter>(next),
              what + ": what counts");
        claim(result.after.devices[0].drift == second, what + ": its drift");
    }
}

void no_code_up_to_the_current_step_gets_in_after_the_past_was_lost(void**) {
    Door door({totp_device("phone")});
    door.state = {};
    door.state = typed_in_a_row(door, "phone", current_step - 3).after;  // two steps behind
    for (int step = -9; step <= 0; ++step) {
        assert_false(door.attempt(door.code("phone", start, step), start).verdict == Verdict::accepted);
    }
    const auto later = start + 3 * 30;
    assert_true(door.attempt(door.code("phone", start, 1), later).verdict == Verdict::accepted);
}

void a_lost_device_too_far_off_is_refused_like_any_other(void**) {
    Door door({totp_device("phone")});
    door.state = {};
    assert_true(typed_in_a_row(door, "phone", current_step - 22).outcome == Outcome::too_far);
    assert_true(typed_in_a_row(door, "phone", current_step + 20).outcome == Outcome::too_far);
}

void a_lost_counter_stands_where_its_two_codes_say(void**) {
    Door door({hotp_device("key", 5)});
    door.state = {};
    const auto result = typed_in_a_row(door, "key", 700);
    assert_true(result.outcome == Outcome::done && result.skipped == 0);
    assert_true(result.after.devices[0].next == 702);
}

void a_device_that_is_known_keeps_its_past_where_another_is_lost(void**) {
    auto door = crowded_door();
    door.state.devices[1].next = current_step + 1;
    door.state.devices.erase(door.state.devices.begin());
    assert_true(typed_in_a_row(door, "long", current_step - 1).outcome == Outcome::spent);
    assert_true(typed_in_a_row(door, "phone", current_step - 1).outcome == Outcome::done);
}

// ---- what is no two codes

void refuses_what_is_not_two_codes_of_one_length(void**) {
    const Door door({totp_device("phone")});
    const std::pair<const char*, const char*> table[] = {
        {"", ""},
        {"123456", ""},
        {"", "123456"},
        {"12345", "12345"},
        {"123456789", "123456789"},
        {"123456", "1234567"},
        {"12345678", "123456"},
        {"123456", "ABCD-EFGH-JKMN-PQRS"},
        {"12345x", "123456"},
        {"123456", "+23456"},
    };
    for (const auto& [first, second] : table) {
        const auto result = resynchronise(door.enrolment, door.state, door.policy, first, second, start);
        claim(result.outcome == Outcome::malformed && result.device.empty(),
              std::string(first) + "|" + second);
    }
}

void reads_codes_however_they_are_grouped(void**) {
    const Door door({totp_device("phone")});
    const auto grouped = [&](int steps, const char* between) {
        return door.code("phone", start, steps).insert(3, between);
    };
    const auto result =
        resynchronise(door.enrolment, door.state, door.policy, grouped(0, " "), grouped(1, "-"), start);
    assert_true(result.outcome == Outcome::done);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_time_steps_as_the_vectors_say),
        cmocka_unit_test(finds_counters_as_the_vectors_say),
        cmocka_unit_test(finds_the_first_steps_there_are),
        cmocka_unit_test(finds_a_code_that_follows_itself),
        cmocka_unit_test(finds_the_code_after_one_that_came_twice),
        cmocka_unit_test(both_codes_are_spent_and_the_next_one_gets_in),
        cmocka_unit_test(both_codes_of_a_counter_are_spent_and_the_next_one_gets_in),
        cmocka_unit_test(the_same_two_codes_work_once),
        cmocka_unit_test(changes_nothing_but_where_the_device_stands),
        cmocka_unit_test(names_the_device_and_moves_no_other),
        cmocka_unit_test(codes_of_two_devices_are_no_two_codes_in_a_row),
        cmocka_unit_test(six_digits_are_no_codes_of_a_device_that_shows_eight),
        cmocka_unit_test(a_device_the_state_knows_nothing_of_begins_after_the_current_step),
        cmocka_unit_test(no_code_up_to_the_current_step_gets_in_after_the_past_was_lost),
        cmocka_unit_test(a_lost_device_too_far_off_is_refused_like_any_other),
        cmocka_unit_test(a_lost_counter_stands_where_its_two_codes_say),
        cmocka_unit_test(a_device_that_is_known_keeps_its_past_where_another_is_lost),
        cmocka_unit_test(refuses_what_is_not_two_codes_of_one_length),
        cmocka_unit_test(reads_codes_however_they_are_grouped),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
