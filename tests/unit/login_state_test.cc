#include "core/login_state.h"

#include "core/checksum.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr UnixTime now = 1'800'000'000;

// ---- states

/// As long as words of this kind get: only the end differs from one number to the next.
std::string longest(std::size_t size, std::size_t number) {
    auto text = std::to_string(number);
    return text.insert(0, size - text.size(), 'f');
}

SideState fullest_side() {
    return {.failures = 999'999,
            .level = 99'999'999'999,
            .last_failure = 99'999'999'999,
            .from = longest(maximum_place, 0),
            .near_miss = NearMiss{longest(16, 0), INT64_MAX}};
}

/// Everything at its limit: no state takes more room.
LoginState fullest_state() {
    LoginState state{.sequence = UINT64_MAX, .known = fullest_side(), .elsewhere = fullest_side()};
    for (std::size_t i = 0; i < maximum_devices; ++i) {
        state.devices.push_back({longest(16, i), INT64_MAX, -999, 99'999'999'999, longest(maximum_place, i)});
    }
    for (std::size_t i = 0; i < maximum_recovery_codes; ++i) {
        state.spent_recovery.push_back(longest(RecoveryHash::id_size, i));
    }
    for (std::size_t i = 0; i < maximum_known_places; ++i) {
        state.places.push_back({longest(maximum_place, i), 99'999'999'999});
    }
    state.changes = Changes{99'999'999'999, true, true, true};
    return state;
}

LoginState ordinary_state(std::uint64_t sequence) {
    LoginState state = new_login_state({.devices = {totp_device("phone"), hotp_device("key", 5)}});
    state.sequence = sequence;
    state.devices[0] = {state.devices[0].id, 60'000'000 + sequence, -1, now, "192.0.2.7"};
    state.elsewhere = {.failures = 3, .level = 259'200, .last_failure = now, .from = "2001:db8::/64"};
    state.places = {{"192.0.2.7", now}};
    return state;
}

// ---- slots

std::optional<LoginState> parsed(const Slot& slot) { return parse_slot({slot.data(), slot.size()}); }

/// A slot that says `words`, with the right padding and checksum.
std::string slot_saying(const std::string& words) {
    auto text = words;
    text.resize(slot_size - 22, ' ');
    return text + " sum=" + checksum_text(text) + "\n";
}

constexpr std::string_view quiet_sides = "known=0,0,0,-,- elsewhere=0,0,0,-,-";

void reads_what_it_wrote(void**) {
    auto lost_counter = ordinary_state(9);
    lost_counter.devices[1].next.reset();
    for (const auto& state : {LoginState{}, ordinary_state(1), lost_counter, fullest_state()}) {
        claim(parsed(format_slot(state)) == state, std::to_string(state.sequence));
    }
}

void keeps_the_widest_drift_of_either_sign(void**) {
    for (const int drift : {-999, 999}) {
        auto state = ordinary_state(1);
        state.devices[0].drift = drift;
        claim(parsed(format_slot(state)) == state, std::to_string(drift));
    }
}

void writes_the_form_the_header_gives(void**) {
    const auto phone = totp_device("phone").id;
    const auto slot = format_slot(ordinary_state(7));
    const auto words =
        "pam-totp-state 1 seq=7 known=0,0,0,-,- elsewhere=3,259200,1800000000,2001:db8::/64,- device=" +
        phone + ",60000007,-1,1800000000,192.0.2.7 device=" + hotp_device("key").id +
        ",5,0,0,- place=192.0.2.7,1800000000";
    assert_text({slot.data(), slot.size()}, slot_saying(words));
}

void reads_the_slots_that_states_can_say(void**) {
    for (const auto& line : vector_lines("slots_read.txt")) {
        const auto state = parse_slot(slot_saying(line));
        claim(state.has_value(), line);
        const auto slot = format_slot(*state);
        assert_text({slot.data(), slot.size()}, slot_saying(line));
    }
}

void refuses_the_slots_that_no_state_says(void**) {
    for (const auto& line : vector_lines("slots_refused.txt")) claim(!parse_slot(slot_saying(line)), line);
}

void refuses_more_than_a_user_may_have(void**) {
    const auto repeated = [](const std::string& word, std::size_t count) {
        std::string words = "pam-totp-state 1 seq=1 " + std::string(quiet_sides);
        for (std::size_t i = 0; i < count; ++i)
            words += word + longest(8, i) + (word[1] == 'd' ? "ffffffff,0,0,0,-" : ",1");
        return slot_saying(words);
    };
    for (const std::string word : {" device=", " place="}) {
        claim(parse_slot(repeated(word, 8)).has_value(), "8 times" + word);
        claim(!parse_slot(repeated(word, 9)), "9 times" + word);
    }
}

void refuses_more_spent_codes_than_a_user_may_hold(void**) {
    std::string words = "pam-totp-state 1 seq=1 " + std::string(quiet_sides) + " spent=" + longest(8, 0);
    for (std::size_t i = 1; i < 32; ++i) words += "," + longest(8, i);
    assert_true(parse_slot(slot_saying(words)).has_value());
    assert_false(parse_slot(slot_saying(words + "," + longest(8, 32))).has_value());
}

void refuses_what_is_no_slot(void**) {
    const auto whole = format_slot(ordinary_state(1));
    const std::string text(whole.data(), whole.size());
    assert_false(parse_slot("").has_value());
    assert_false(parse_slot(text.substr(1)).has_value());
    assert_false(parse_slot(text + " ").has_value());
    assert_false(parse_slot(std::string(slot_size, '\0')).has_value());
    assert_false(parse_slot(std::string(slot_size, ' ')).has_value());
    assert_false(parse_slot(std::string(slot_size, '\xFF')).has_value());
}

void notices_every_flipped_bit(void**) {
    auto slot = format_slot(fullest_state());
    for (std::size_t at = 0; at < slot.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            slot[at] = static_cast<char>(slot[at] ^ (1 << bit));
            claim(!parsed(slot), "byte " + std::to_string(at) + ", bit " + std::to_string(bit));
            slot[at] = static_cast<char>(slot[at] ^ (1 << bit));
        }
    }
}

// ---- torn writes

/// The first `size` bytes of one slot and the rest of the other.
Slot torn(const Slot& first, const Slot& rest, std::size_t size) {
    Slot slot = rest;
    std::copy_n(first.begin(), size, slot.begin());
    return slot;
}

/// Fails unless a write of `next` over `overwritten`, torn anywhere, leaves either `current` or `next`.
void claim_that_torn_writes_are_harmless(const LoginState& overwritten, const LoginState& current,
                                         const LoginState& next) {
    const auto old_slot = format_slot(overwritten);
    const auto new_slot = format_slot(next);
    for (std::size_t cut = 0; cut <= slot_size; ++cut) {
        for (const auto& written : {torn(new_slot, old_slot, cut), torn(old_slot, new_slot, cut)}) {
            SlotPair pair;
            pair[slot_for(next.sequence)] = written;
            pair[slot_for(current.sequence)] = format_slot(current);
            const auto state = newest(pair);
            claim(state == (written == new_slot ? next : current), "cut at " + std::to_string(cut));
        }
    }
}

void a_torn_write_leaves_the_old_state_or_the_new_one(void**) {
    claim_that_torn_writes_are_harmless(ordinary_state(5), ordinary_state(6), ordinary_state(7));
}

void a_torn_write_of_the_fullest_state_does_so_too(void**) {
    auto next = fullest_state();
    next.sequence = 8;
    claim_that_torn_writes_are_harmless(ordinary_state(6), ordinary_state(7), next);
    claim_that_torn_writes_are_harmless(next, ordinary_state(9), ordinary_state(10));
}

// ---- which slot counts

void takes_the_slot_with_the_higher_sequence(void**) {
    const auto older = format_slot(ordinary_state(9));
    const auto newer = format_slot(ordinary_state(10));
    assert_true(newest({older, newer}) == ordinary_state(10));
    assert_true(newest({newer, older}) == ordinary_state(10));
}

void takes_the_whole_slot_where_the_other_is_torn(void**) {
    const auto whole = format_slot(ordinary_state(1));
    const Slot blank{};
    assert_true(newest({whole, blank}) == ordinary_state(1));
    assert_true(newest({blank, whole}) == ordinary_state(1));
}

void takes_nothing_where_neither_slot_is_whole(void**) {
    auto other_version = format_slot(ordinary_state(2));
    const auto text = slot_saying("pam-totp-state 2 seq=2 " + std::string(quiet_sides));
    std::ranges::copy(text, other_version.begin());
    assert_false(newest({Slot{}, Slot{}}).has_value());
    assert_false(newest({Slot{}, other_version}).has_value());
}

void never_writes_to_the_slot_it_read(void**) {
    for (const std::uint64_t sequence : {0ULL, 1ULL, 2ULL, 999ULL}) {
        assert_int_not_equal(slot_for(sequence), slot_for(sequence + 1));
        assert_in_range(slot_for(sequence), 0, 1);
    }
}

// ---- states and enrolments

Enrolment phone_and_key() {
    return {.devices = {totp_device("phone"), hotp_device("key", 5)},
            .recovery = {{"$y$j75$salt$" + std::string(43, 'a'), {}},
                         {"$y$j75$salt$" + std::string(43, 'b'), {}}}};
}

void begins_with_no_code_spent(void**) {
    const auto enrolment = phone_and_key();
    const auto state = new_login_state(enrolment);
    assert_int_equal(state.device(enrolment.devices[0].id)->next.value(), 0);
    assert_int_equal(state.device(enrolment.devices[1].id)->next.value(), 5);
    assert_false(state.has_spent(enrolment.recovery[0]));
    assert_true(state.known == SideState{} && state.elsewhere == SideState{} && state.places.empty());
}

void knows_which_recovery_codes_are_spent(void**) {
    const auto enrolment = phone_and_key();
    const LoginState state{.spent_recovery = {enrolment.recovery[1].id()}};
    assert_false(state.has_spent(enrolment.recovery[0]));
    assert_true(state.has_spent(enrolment.recovery[1]));
}

void names_a_device_without_state(void**) {
    const auto enrolment = phone_and_key();
    auto state = new_login_state(enrolment);
    assert_null(device_without_state(enrolment, state));
    state.devices.erase(state.devices.begin());
    assert_ptr_equal(device_without_state(enrolment, state), &enrolment.devices[0]);
}

void restarts_lost_time_based_devices_after_the_current_step(void**) {
    const auto enrolment = phone_and_key();
    const auto state = with_lost_devices_restarted({}, enrolment, now);
    assert_int_equal(state.device(enrolment.devices[0].id)->next.value(), now / 30 + 1);
}

void keeps_lost_counters_and_recovery_codes_refused(void**) {
    const auto enrolment = phone_and_key();
    const auto state = with_lost_devices_restarted({}, enrolment, now);
    assert_false(state.device(enrolment.devices[1].id)->next.has_value());
    for (const auto& code : enrolment.recovery) assert_true(state.has_spent(code));
}

void keeps_what_is_known_where_one_device_is_lost(void**) {
    const auto enrolment = phone_and_key();
    LoginState state = new_login_state({.devices = {enrolment.devices[1]}});
    state.devices[0].next = 77;
    state.elsewhere.failures = 6;
    state = with_lost_devices_restarted(state, enrolment, now);
    assert_int_equal(state.device(enrolment.devices[1].id)->next.value(), 77);
    assert_int_equal(state.device(enrolment.devices[0].id)->next.value(), now / 30 + 1);
    assert_int_equal(state.elsewhere.failures, 6);
    assert_true(state.spent_recovery.empty());
}

void changes_nothing_where_no_device_is_lost(void**) {
    const auto enrolment = phone_and_key();
    auto state = new_login_state(enrolment);
    state.devices.push_back({.id = "0123456789abcdef", .next = 3});  // of a device that may come back
    assert_true(with_lost_devices_restarted(state, enrolment, now) == state);
}

void forgets_strangers_alone(void**) {
    const auto enrolment = phone_and_key();
    auto state = new_login_state(enrolment);
    state.spent_recovery = {enrolment.recovery[0].id()};
    state.places = {{"192.0.2.7", now}};
    state.changes = Changes{.last = now, .removed_device = true};
    state.known.failures = 2;
    auto crowded = state;
    crowded.devices.insert(crowded.devices.begin(), {.id = "0123456789abcdef", .next = 3});
    assert_true(without_strangers(crowded, enrolment) == state);
}

/// An older set of codes, brought back with its enrolment, must not count again.
void keeps_what_was_spent_of_a_set_that_was_replaced(void**) {
    const auto enrolment = phone_and_key();
    auto state = new_login_state(enrolment);
    state.spent_recovery = {"of an older set"};
    assert_true(without_strangers(state, enrolment).spent_recovery == state.spent_recovery);
    state.devices.erase(state.devices.begin());
    assert_true(with_lost_devices_restarted(state, enrolment, now).spent_recovery == state.spent_recovery);
    const auto anew = with_lost_devices_restarted({.spent_recovery = state.spent_recovery}, enrolment, now);
    assert_int_equal(anew.spent_recovery.size(), 1 + enrolment.recovery.size());
}

void forgets_the_oldest_of_older_sets_where_there_is_no_room(void**) {
    const auto enrolment = phone_and_key();
    LoginState state;
    state.spent_recovery = {enrolment.recovery[0].id()};
    for (int i = 1; i < 32; ++i) state.spent_recovery.push_back("older " + std::to_string(i));
    note_spent(state, enrolment.recovery[1], enrolment);
    assert_int_equal(state.spent_recovery.size(), 32);
    assert_true(state.has_spent(enrolment.recovery[0]) && state.has_spent(enrolment.recovery[1]));
    assert_string_equal(state.spent_recovery[1].c_str(), "older 2");
}

/// Nobody writes that, but a state is read that says it.
void spends_a_code_though_one_of_the_same_set_fills_all_the_room(void**) {
    const auto enrolment = phone_and_key();
    LoginState state;
    state.spent_recovery.assign(32, enrolment.recovery[0].id());
    note_spent(state, enrolment.recovery[1], enrolment);
    assert_int_equal(state.spent_recovery.size(), 33);  // more than fits a slot: such a login is refused
    assert_true(state.has_spent(enrolment.recovery[1]));
}

void a_login_of_every_device_restarted_still_fits_its_slot(void**) {
    auto state = fullest_state();
    Enrolment enrolment;
    for (int i = 0; i < 8; ++i) enrolment.devices.push_back(totp_device("device-" + std::to_string(i)));
    const auto restarted = with_lost_devices_restarted(state, enrolment, now);
    assert_int_equal(restarted.devices.size(), 8);
    assert_true(parsed(format_slot(restarted)) == restarted);
}

// ---- what is to be told

constexpr Changes device_added{.last = now, .added_device = true};
constexpr Changes device_removed{.last = now + 1, .removed_device = true};
constexpr Changes codes_renewed{.last = now + 2, .renewed_recovery = true};

void a_new_state_has_nothing_to_tell(void**) {
    assert_false(new_login_state(phone_and_key()).changes.has_value());
}

void notes_each_kind_of_change_alone(void**) {
    for (const auto& change : {device_added, device_removed, codes_renewed}) {
        LoginState state;
        note_change(state, change);
        assert_true(state == LoginState{.changes = change});
    }
}

void notes_changes_beside_those_not_told_yet(void**) {
    LoginState state;
    note_change(state, device_removed);
    note_change(state, codes_renewed);
    assert_true(state.changes ==
                (Changes{.last = now + 2, .removed_device = true, .renewed_recovery = true}));
    note_change(state, {.last = now + 3, .added_device = true});
    assert_true(state.changes == (Changes{now + 3, true, true, true}));
}

void the_same_change_again_is_a_later_one(void**) {
    LoginState state;
    note_change(state, device_added);
    note_change(state, {.last = now + 9, .added_device = true});
    assert_true(state.changes == (Changes{.last = now + 9, .added_device = true}));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(keeps_the_widest_drift_of_either_sign),
        cmocka_unit_test(writes_the_form_the_header_gives),
        cmocka_unit_test(reads_the_slots_that_states_can_say),
        cmocka_unit_test(refuses_the_slots_that_no_state_says),
        cmocka_unit_test(refuses_more_than_a_user_may_have),
        cmocka_unit_test(refuses_more_spent_codes_than_a_user_may_hold),
        cmocka_unit_test(refuses_what_is_no_slot),
        cmocka_unit_test(notices_every_flipped_bit),
        cmocka_unit_test(a_torn_write_leaves_the_old_state_or_the_new_one),
        cmocka_unit_test(a_torn_write_of_the_fullest_state_does_so_too),
        cmocka_unit_test(takes_the_slot_with_the_higher_sequence),
        cmocka_unit_test(takes_the_whole_slot_where_the_other_is_torn),
        cmocka_unit_test(takes_nothing_where_neither_slot_is_whole),
        cmocka_unit_test(never_writes_to_the_slot_it_read),
        cmocka_unit_test(begins_with_no_code_spent),
        cmocka_unit_test(knows_which_recovery_codes_are_spent),
        cmocka_unit_test(names_a_device_without_state),
        cmocka_unit_test(restarts_lost_time_based_devices_after_the_current_step),
        cmocka_unit_test(keeps_lost_counters_and_recovery_codes_refused),
        cmocka_unit_test(keeps_what_is_known_where_one_device_is_lost),
        cmocka_unit_test(changes_nothing_where_no_device_is_lost),
        cmocka_unit_test(forgets_strangers_alone),
        cmocka_unit_test(keeps_what_was_spent_of_a_set_that_was_replaced),
        cmocka_unit_test(forgets_the_oldest_of_older_sets_where_there_is_no_room),
        cmocka_unit_test(spends_a_code_though_one_of_the_same_set_fills_all_the_room),
        cmocka_unit_test(a_login_of_every_device_restarted_still_fits_its_slot),
        cmocka_unit_test(a_new_state_has_nothing_to_tell),
        cmocka_unit_test(notes_each_kind_of_change_alone),
        cmocka_unit_test(notes_changes_beside_those_not_told_yet),
        cmocka_unit_test(the_same_change_again_is_a_later_one),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
