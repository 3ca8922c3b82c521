#include "core/verifier.h"

#include "core/throttle.h"

#include <utility>

#include "tests/unit/door.h"
#include "tests/unit/story.h"

namespace totp::testing {
namespace {

constexpr UnixTime day = 86'400;

Door door_with_phone() { return Door({totp_device("phone")}); }

/// A door with one recovery code: the text, and what is kept of it.
std::pair<Door, std::string> door_with_recovery_code() {
    auto door = door_with_phone();
    auto set = value_of(new_recovery_codes(1));
    door.enrolment.recovery = std::move(set.hashes);
    return {std::move(door), std::string(set.codes[0].text())};
}

// ---- codes

void accepts_the_window_and_nothing_outside(void**) {
    for (const int window : {0, 1, 2, 20}) {
        for (int steps = -window - 2; steps <= window + 2; ++steps) {
            auto door = door_with_phone();
            door.policy.window = window;
            const auto verdict = door.attempt(door.code("phone", start, steps), start).verdict;
            claim((verdict == Verdict::accepted) == (std::abs(steps) <= window),
                  std::to_string(steps) + " steps, window " + std::to_string(window));
        }
    }
}

void reads_a_code_however_it_is_grouped(void**) {
    const auto code = door_with_phone().code("phone", start);
    const auto first = code.substr(0, 3);
    const auto last = code.substr(3);
    for (const auto& typed : {first + " " + last, first + "-" + last, " " + code, code + " ",
                              "\t" + code + "\t", first + "  " + last, " " + first + " " + last + " "}) {
        claim(door_with_phone().attempt(typed, start).verdict == Verdict::accepted, typed);
    }
}

void accepts_no_code_with_a_digit_added_taken_or_changed(void**) {
    const auto code = door_with_phone().code("phone", start);
    for (std::size_t at = 0; at < code.size(); ++at) {
        auto changed = code;
        changed[at] = changed[at] == '9' ? '0' : static_cast<char>(changed[at] + 1);
        for (const auto& typed :
             {changed, std::string(code).erase(at, 1), std::string(code).insert(at, "0")}) {
            claim(door_with_phone().attempt(typed, start).verdict == Verdict::refused, typed);
        }
    }
}

/// Right, replayed, wrong, and waiting, at one moment.
void claim_that_all_is_as_ever(UnixTime now, int period) {
    Door door({device_of("phone", {.period = period})});
    const auto where = "at " + std::to_string(now) + ", period " + std::to_string(period);
    claim(door.attempt(door.code("phone", now), now).verdict == Verdict::accepted, where);
    claim(door.attempt(door.code("phone", now), now).reason == Reason::replayed, where);
    for (int i = 0; i < 4; ++i) claim(door.attempt(door.wrong_code(now), now).reason == Reason::wrong, where);
    claim(door.attempt(door.code("phone", now, 1), now).retry_at == now + 30, where);
    const auto later = now + std::max(30, period);
    claim(door.attempt(door.code("phone", later), later).verdict == Verdict::accepted, where);
}

void decides_the_same_at_all_times_and_periods(void**) {
    for (const UnixTime now : {UnixTime{7'200}, UnixTime{2'147'483'640}, UnixTime{2'147'483'647},
                               UnixTime{2'147'483'648}, UnixTime{4'294'967'290}, UnixTime{4'294'967'295},
                               UnixTime{4'294'967'296}, UnixTime{90'000'000'000}}) {
        for (const int period : {1, 15, 30, 60, 3'600}) claim_that_all_is_as_ever(now, period);
    }
}

void accepts_the_first_step_there_is(void**) {
    auto door = door_with_phone();
    assert_true(door.attempt(door.code("phone", 29), 29).verdict == Verdict::accepted);
}

void one_code_is_spent_on_every_device_that_shows_it(void**) {
    const auto phone = totp_device("phone").credential;
    const auto step = time_step(start, 30);
    const Device twin("twin", {.type = CredentialType::hotp, .counter = step, .secret = phone.secret});
    Door door({Device("phone", phone), twin});
    const auto code = door.code("phone", start);
    assert_text(door.attempt(code, start).device, "phone");
    assert_int_equal(door.state.device(twin.id)->next.value(), step + 1);
    assert_true(door.attempt(code, start).reason == Reason::replayed);
}

void accepts_nothing_of_a_device_whose_past_is_lost(void**) {
    Door door({hotp_device("key")});
    door.state.devices[0].next.reset();
    const auto decision = door.attempt(code_at(door.enrolment.devices[0].credential, 0), start);
    assert_true(decision.reason == Reason::wrong);
    assert_int_equal(level_now(door.state.elsewhere, door.policy, start), 0);
}

void accepts_nothing_of_a_device_without_state(void**) {
    auto door = door_with_phone();
    door.state.devices.clear();
    const auto code = code_around(door.enrolment.devices[0].credential, start, 0);
    assert_true(
        verify(door.enrolment, door.state, door.policy, {.response = code, .place = "desk", .now = start})
            .verdict == Verdict::refused);
}

void remembers_when_and_where_a_device_was_used(void**) {
    auto door = door_with_phone();
    door.attempt(door.code("phone", start), start, "192.0.2.7");
    const auto& phone = door.state.devices[0];
    assert_int_equal(phone.last_used, start);
    assert_text(phone.from, "192.0.2.7");
    assert_int_equal(phone.next.value(), time_step(start, 30) + 1);
}

void remembers_when_and_from_where_the_last_failure_was(void**) {
    auto door = door_with_phone();
    door.attempt("text", start, "192.0.2.7");
    assert_int_equal(door.state.elsewhere.last_failure, start);
    assert_text(door.state.elsewhere.from, "192.0.2.7");
    assert_int_equal(door.state.known.last_failure, 0);
}

// ---- match_code

/// Two counters within `range` for which the device shows the same code; the first is the smaller.
std::pair<Counter, Counter> colliding_counters(const KeyedHash& hash, Counter range) {
    std::map<std::uint32_t, Counter> seen;
    for (Counter counter = 0; counter < range; ++counter) {
        const auto [earlier, is_new] = seen.emplace(hash.code(counter, 6), counter);
        if (!is_new) return {earlier->second, counter};
    }
    claim(false, "two counters show one code");
    return {};
}

KeyedHash hash_of_phone() { return {secret_named("phone").octets(), Algorithm::sha1}; }

void of_two_counters_with_one_code_the_later_counts(void**) {
    const auto hash = hash_of_phone();
    const auto [first, last] = colliding_counters(hash, 10'000);
    const auto code = hash.code(first, 6);
    const auto match = match_code(hash, 6, code, {first, last}, {first, last}, first);
    assert_true(match.fresh == last);
    assert_false(match.is_replayed);
    const auto half_spent = match_code(hash, 6, code, {first, last}, {first, last}, first + 1);
    assert_true(half_spent.fresh == last && half_spent.is_replayed);
}

void a_counter_matches_as_fresh_replayed_or_near(void**) {
    const auto hash = hash_of_phone();
    for (Counter counter = 80; counter <= 120; ++counter) {
        const auto match = match_code(hash, 6, hash.code(counter, 6), {98, 102}, {90, 110}, 100);
        const auto what = std::to_string(counter);
        const bool is_in_window = counter >= 98 && counter <= 102;
        claim(match.fresh.has_value() == (is_in_window && counter >= 100), what);
        claim(match.is_replayed == (is_in_window && counter < 100), what);
        claim(match.near_miss.has_value() == (counter > 102 && counter <= 110), what);
        claim(match.fresh.value_or(counter) == counter && match.near_miss.value_or(counter) == counter, what);
    }
}

void a_window_apart_from_its_vicinity_has_no_matches_between(void**) {
    const auto hash = hash_of_phone();
    for (Counter counter = 90; counter <= 130; ++counter) {
        const auto match = match_code(hash, 6, hash.code(counter, 6), {120, 122}, {95, 100}, 0);
        claim(match.fresh.has_value() == (counter >= 120 && counter <= 122), std::to_string(counter));
        claim(match.near_miss.has_value() == (counter >= 95 && counter <= 100), std::to_string(counter));
    }
}

// ---- recovery codes

std::string with(std::string text, std::string_view from, std::string_view to) {
    for (char& c : text) {
        if (const auto at = from.find(c); at != std::string_view::npos) c = to[at];
    }
    return text;
}

std::string in_lower_case(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
}

std::string without_hyphens(std::string text) {
    std::erase(text, '-');
    return text;
}

void takes_a_recovery_code_in_any_spelling(void**) {
    const auto [door, code] = door_with_recovery_code();
    for (const auto& typed :
         {code, in_lower_case(code), without_hyphens(code), with(code, "-", " "), with(code, "01", "OI"),
          with(code, "01", "oL"), with(code, "01", "Oi"), with(code, "01", "ol"), " " + code + " "}) {
        auto fresh_door = door;
        claim(fresh_door.attempt(typed, start).verdict == Verdict::accepted, "another spelling");
    }
}

void takes_no_recovery_code_with_a_changed_symbol(void**) {
    const auto [door, code] = door_with_recovery_code();
    for (std::size_t at = 0; at < code.size(); ++at) {
        if (code[at] == '-') continue;
        auto changed = code;
        changed[at] = changed[at] == 'Z' ? 'Y' : 'Z';
        auto fresh_door = door;
        claim(fresh_door.attempt(changed, start).reason == Reason::wrong, std::to_string(at));
    }
}

void a_recovery_code_is_accepted_beside_32_spent_ones_of_older_sets(void**) {
    auto [door, code] = door_with_recovery_code();
    for (int i = 10; i < 42; ++i) door.state.spent_recovery.push_back("older." + std::to_string(i));
    assert_true(door.attempt(code, start).verdict == Verdict::accepted);
    assert_true(door.attempt(code, start).reason == Reason::replayed);
}

// ---- throttling

/// Fails once, as soon as the side is open; how long it then waits.
UnixTime wait_after_next_failure(Door& door, UnixTime& now) {
    now = closed_until(door.state.elsewhere, door.policy, now).value_or(now);
    claim(door.attempt(door.wrong_code(now), now).verdict == Verdict::refused, "the side is open");
    return closed_until(door.state.elsewhere, door.policy, now).value_or(now) - now;
}

void waits_double_from_30_seconds_to_an_hour(void**) {
    auto door = door_with_phone();
    auto now = start;
    for (const UnixTime wait : {0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1'920, 3'600, 3'600, 3'600}) {
        assert_int_equal(wait_after_next_failure(door, now), wait);
    }
}

void a_wait_ends_at_the_second_it_says(void**) {
    for (const int failures : {5, 6, 12, 99}) {
        auto door = door_with_phone();
        door.state.elsewhere = {.failures = failures, .last_failure = start};
        const auto open = closed_until(door.state.elsewhere, door.policy, start).value();
        const auto before = door.attempt(door.code("phone", open - 1), open - 1);
        assert_true(before.verdict == Verdict::throttled && before.retry_at == open);
        assert_true(door.attempt(door.code("phone", open), open).verdict == Verdict::accepted);
    }
}

void the_100th_failure_shuts_the_side_until_it_is_unlocked(void**) {
    auto door = door_with_phone();
    auto now = start;
    for (int failures = 1; failures < 100; ++failures) {
        claim(wait_after_next_failure(door, now) <= 3'600, std::to_string(failures) + " failures");
    }
    wait_after_next_failure(door, now);
    for (const UnixTime later : {now, now + day, now + 36'500 * day}) {
        const auto decision = door.attempt(door.code("phone", later), later);
        assert_true(decision.verdict == Verdict::throttled && !decision.retry_at);
        assert_int_equal(decision.failures, 100);
    }
    door.state.elsewhere.failures = 0;
    assert_true(door.attempt(door.code("phone", now + day), now + day).verdict == Verdict::accepted);
}

void waits_stay_within_max_delay_however_long_the_row_of_failures(void**) {
    Policy policy{.delay = 86'400, .max_delay = 86'400, .max_failures = 10'000, .budget = 10'000};
    for (const int failures : {5, 64, 9'999}) {
        assert_true(closed_until({.failures = failures, .last_failure = start}, policy, start) ==
                    start + day);
    }
}

void the_level_is_shown_rounded_up(void**) {
    const Policy policy;
    const SideState side{.level = level_parts, .last_failure = start};
    for (const auto& [seconds, level] :
         {std::pair(0, 1), std::pair(1, 1), std::pair(21'599, 1), std::pair(21'600, 0)}) {
        assert_int_equal(level_now(side, policy, start + seconds), level);
    }
}

void a_budget_of_100_shuts_a_side_by_default(void**) {
    const Policy policy;
    const auto at_level = [&](std::int64_t level) {
        return closed_until({.level = level, .last_failure = start}, policy, start);
    };
    assert_false(at_level(100 * level_parts - 1).has_value());
    assert_true(at_level(100 * level_parts) == start + 1);
    assert_true(at_level(101 * level_parts) == start + day / 4 + 1);
}

// ---- a year

/// Who guesses as often as may be from the owner's own place, the owner clearing the count whenever that
/// helps; how many guesses were evaluated in a year.
int guesses_beside_the_owner_in_a_year(Door door) {
    const Place desk = "desk";
    door.state.places = {{desk, start}};
    int guesses = 0;
    for (auto now = start; now < start + 365 * day;) {
        const auto& side = door.side_of(desk, now);
        if (const auto until = closed_until(side, door.policy, now)) {
            now = *until;
        } else if (side.failures < door.policy.free_failures) {
            claim(door.attempt(door.wrong_code(now), now, desk).reason == Reason::wrong, "a guess is wrong");
            ++guesses;
        } else {
            now += 60;
            claim(door.attempt(door.code("device-0", now), now, desk).verdict != Verdict::refused,
                  "the owner");
        }
    }
    return guesses;
}

std::vector<Device> devices_numbered(int count) {
    std::vector<Device> devices;
    for (int i = 0; i < count; ++i) devices.push_back(totp_device("device-" + std::to_string(i)));
    return devices;
}

void evaluates_about_1560_guesses_a_year_beside_an_owner_who_logs_in(void**) {
    const auto guesses = guesses_beside_the_owner_in_a_year(Door(devices_numbered(1)));
    assert_in_range(guesses, 1'500, 1'561);
}

void evaluates_as_many_fewer_guesses_as_each_could_hit_more(void**) {
    const auto guesses = guesses_beside_the_owner_in_a_year(Door(devices_numbered(4)));
    assert_in_range(guesses, 1'500 / 4, 1'561 / 4 + 1);
}

void evaluates_100_guesses_from_elsewhere_however_often_the_owner_logs_in(void**) {
    auto door = door_with_phone();
    door.state.places = {{"desk", start}};
    int guesses = 0;
    for (auto now = start; now < start + 365 * day; now += 3'600) {
        door.attempt(door.code("phone", now), now, "desk");
        const auto place = "stranger-" + std::to_string(guesses);
        if (door.attempt("000000", now, place).verdict == Verdict::refused) ++guesses;
    }
    assert_int_equal(guesses, 100);
}

// ---- places

void remembers_a_place_once(void**) {
    auto door = door_with_phone();
    for (int i = 0; i < 3; ++i) door.attempt(door.code("phone", start + 60 * i), start + 60 * i);
    assert_true(door.state.places == (std::vector<KnownPlace>{{"desk", start + 120}}));
}

/// A right code from `place`, by an attempt that isn't a login from there.
Decision right_code_that_makes_no_place_known(const Door& door, const Place& place) {
    const auto code = door.code("phone", start);
    return verify(door.enrolment, door.state, door.policy,
                  {.response = code, .place = place, .now = start, .makes_place_known = false});
}

void a_success_makes_no_place_known_where_it_is_no_login_from_there(void**) {
    auto door = door_with_phone();
    door.state.elsewhere.failures = 3;
    const auto decision = right_code_that_makes_no_place_known(door, "desk");
    assert_true(decision.verdict == Verdict::accepted && decision.must_be_committed);
    assert_true(decision.next.places.empty());
    assert_int_equal(decision.next.elsewhere.failures, 0);
    assert_text(decision.next.devices[0].from, "desk");
    assert_int_equal(decision.next.devices[0].next.value(), time_step(start, 30) + 1);
}

void a_success_that_is_no_login_renews_no_place(void**) {
    auto door = door_with_phone();
    door.state.places = {{"desk", start - day}};
    const auto decision = right_code_that_makes_no_place_known(door, "desk");
    assert_true(decision.verdict == Verdict::accepted);
    assert_true(decision.next.places == door.state.places);
}

void what_was_changed_stays_noted_whatever_the_verdict(void**) {
    auto door = door_with_phone();
    door.state.changes = Changes{.last = start - 1, .added_device = true};
    const auto noted = door.state.changes;
    assert_true(door.attempt(door.wrong_code(start), start).verdict == Verdict::refused);
    assert_true(door.state.changes == noted);
    assert_true(door.attempt(door.code("phone", start), start).verdict == Verdict::accepted);
    assert_true(door.state.changes == noted);
}

// ---- responses

void reads_six_to_eight_digits_as_a_code(void**) {
    for (const auto& row : vector_table("codes_typed.txt", 3)) {
        const auto code = typed_code(row[0]);
        const bool is_right =
            code && std::to_string(code->value) == row[1] && std::to_string(code->digits) == row[2];
        claim(is_right, row[0] + " is " + row[1]);
    }
    assert_int_equal(typed_code("\t123 456 ")->value, 123'456);
}

void reads_nothing_else_as_a_code(void**) {
    for (const auto& line : vector_lines("codes_refused.txt")) claim(!typed_code(line), line);
    const std::string_view others[] = {"", " ", "123456\n", "\r123456", std::string_view("123456\0", 7)};
    for (const auto text : others) {
        claim(!typed_code(text), std::string(text));
    }
}

void knows_the_responses_that_are_no_guess(void**) {
    const auto reason = [](std::string_view response, std::string_view password) {
        return reason_not_to_count({.response = response, .password = password});
    };
    for (const auto* nothing : {"", " ", "\t \t"}) assert_true(reason(nothing, "") == Reason::malformed);
    for (const auto* dummy : {"\b\n\r\177INCORRECT", "\b\n\r\177", "\b\n", "\b"}) {
        assert_true(reason(dummy, "secret") == Reason::dummy);
    }
    assert_true(reason("secret", "secret") == Reason::password);
    assert_true(reason("123456", "123456") == Reason::password);
    for (const auto* guess : {"123456", "secre", "secret ", "Secret", "x\b\n\r\177", "\n\b"}) {
        claim(!reason(guess, "secret") && !reason(guess, ""), guess);
    }
}

// ---- one field

/// The same secret shown with six digits and with eight: the last six of eight are the code of six.
void every_code_that_stands_in_one_field_is_spent(void**) {
    const auto six = totp_device("phone");
    auto eight = six;
    eight.name = "tablet";
    eight.credential.digits = 8;
    eight.id = "00112233445566aa";
    Door door({six, eight});
    const auto field = "secret" + door.code("tablet", start);
    const auto decision =
        door.attempt({.response = field, .place = "desk", .now = start, .is_one_field = true});
    assert_true(decision.verdict == Verdict::accepted);
    assert_text(decision.device, "tablet");
    assert_int_equal(decision.password_size, 6);
    assert_true(door.attempt(door.code("phone", start), start).reason == Reason::replayed);
}

/// What is left of a code isn't a password that gets anybody in.
void a_shorter_code_within_a_longer_one_leaves_the_rest_as_password(void**) {
    Door door({totp_device("phone")});
    const auto field = "12" + door.code("phone", start);
    assert_true(door.attempt(field, start).reason == Reason::malformed);
    const auto decision =
        door.attempt({.response = field, .place = "desk", .now = start, .is_one_field = true});
    assert_true(decision.verdict == Verdict::accepted);
    assert_int_equal(decision.password_size, 2);
}

// ---- the stories of tests/vectors/verifier

/// Kept until the end: CMocka borrows names and paths.
struct NamedStory {
    std::string name;
    std::string path;
};

std::vector<NamedStory> all_stories() {
    std::vector<NamedStory> stories;
    for (const auto& path : vector_files("verifier")) stories.push_back({path.stem(), path});
    return stories;
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    std::vector<CMUnitTest> tests = {
        cmocka_unit_test(accepts_the_window_and_nothing_outside),
        cmocka_unit_test(reads_a_code_however_it_is_grouped),
        cmocka_unit_test(accepts_no_code_with_a_digit_added_taken_or_changed),
        cmocka_unit_test(decides_the_same_at_all_times_and_periods),
        cmocka_unit_test(accepts_the_first_step_there_is),
        cmocka_unit_test(one_code_is_spent_on_every_device_that_shows_it),
        cmocka_unit_test(accepts_nothing_of_a_device_whose_past_is_lost),
        cmocka_unit_test(accepts_nothing_of_a_device_without_state),
        cmocka_unit_test(remembers_when_and_where_a_device_was_used),
        cmocka_unit_test(remembers_when_and_from_where_the_last_failure_was),
        cmocka_unit_test(of_two_counters_with_one_code_the_later_counts),
        cmocka_unit_test(a_counter_matches_as_fresh_replayed_or_near),
        cmocka_unit_test(a_window_apart_from_its_vicinity_has_no_matches_between),
        cmocka_unit_test(takes_a_recovery_code_in_any_spelling),
        cmocka_unit_test(takes_no_recovery_code_with_a_changed_symbol),
        cmocka_unit_test(a_recovery_code_is_accepted_beside_32_spent_ones_of_older_sets),
        cmocka_unit_test(waits_double_from_30_seconds_to_an_hour),
        cmocka_unit_test(a_wait_ends_at_the_second_it_says),
        cmocka_unit_test(the_100th_failure_shuts_the_side_until_it_is_unlocked),
        cmocka_unit_test(waits_stay_within_max_delay_however_long_the_row_of_failures),
        cmocka_unit_test(the_level_is_shown_rounded_up),
        cmocka_unit_test(a_budget_of_100_shuts_a_side_by_default),
        cmocka_unit_test(evaluates_about_1560_guesses_a_year_beside_an_owner_who_logs_in),
        cmocka_unit_test(evaluates_as_many_fewer_guesses_as_each_could_hit_more),
        cmocka_unit_test(evaluates_100_guesses_from_elsewhere_however_often_the_owner_logs_in),
        cmocka_unit_test(remembers_a_place_once),
        cmocka_unit_test(a_success_makes_no_place_known_where_it_is_no_login_from_there),
        cmocka_unit_test(a_success_that_is_no_login_renews_no_place),
        cmocka_unit_test(what_was_changed_stays_noted_whatever_the_verdict),
        cmocka_unit_test(reads_six_to_eight_digits_as_a_code),
        cmocka_unit_test(reads_nothing_else_as_a_code),
        cmocka_unit_test(knows_the_responses_that_are_no_guess),
        cmocka_unit_test(every_code_that_stands_in_one_field_is_spent),
        cmocka_unit_test(a_shorter_code_within_a_longer_one_leaves_the_rest_as_password),
    };
    auto stories = all_stories();
    for (auto& [name, path] : stories) {
        tests.push_back({name.c_str(), story_comes_true, nullptr, nullptr, path.data()});
    }
    return _cmocka_run_group_tests("verifier", tests.data(), tests.size(), nullptr, nullptr);
}
