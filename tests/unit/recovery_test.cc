#include "core/recovery.h"

#include <set>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

RecoverySet new_set(std::size_t count) { return value_of(new_recovery_codes(count)); }

SecretBytes normalized(std::string_view text) { return normalized_recovery_code(text).value(); }

std::string salt_part(const std::string& hash) { return hash.substr(0, hash.rfind('$')); }

void shows_codes_as_four_groups_of_crockford_symbols(void**) {
    const auto set = new_set(3);
    for (const auto& code : set.codes) {
        std::string shape(code.text());
        for (char& c : shape) {
            if (std::string_view("0123456789ABCDEFGHJKMNPQRSTVWXYZ").find(c) != std::string_view::npos)
                c = 'X';
        }
        assert_text(shape, "XXXX-XXXX-XXXX-XXXX");
    }
}

void makes_as_many_different_codes_as_asked(void**) {
    const auto set = new_set(10);
    std::set<std::string> texts;
    for (const auto& code : set.codes) texts.emplace(code.text());
    assert_int_equal(texts.size(), 10);
    assert_int_equal(set.hashes.size(), 10);
}

void makes_no_more_codes_than_a_user_may_hold(void**) {
    const auto set = new_set(40);
    assert_int_equal(set.codes.size(), 32);
    assert_int_equal(set.hashes.size(), 32);
}

/// 3,200 symbols: one that never comes, or one in a place of the code that never changes, shows.
void uses_every_symbol_in_every_position(void**) {
    std::set<char> symbols[16];
    for (int i = 0; i < 10; ++i) {
        for (const auto& code : new_set(20).codes) {
            const auto text = normalized(code.text());
            for (std::size_t at = 0; at < 16; ++at) symbols[at].insert(text.text()[at]);
        }
    }
    for (const auto& seen : symbols) claim(seen.size() > 25, std::to_string(seen.size()) + " of 32 symbols");
}

void matches_each_code_with_its_own_hash(void**) {
    const auto set = new_set(4);
    for (std::size_t i = 0; i < set.codes.size(); ++i) {
        claim(find_recovery_code(normalized(set.codes[i].text()), set.hashes) == i, std::to_string(i));
    }
}

void matches_no_other_code(void**) {
    const auto set = new_set(2);
    assert_false(find_recovery_code(normalized("0000-0000-0000-0000"), set.hashes).has_value());
    assert_false(find_recovery_code(normalized(set.codes[0].text()), {}).has_value());
    assert_false(find_recovery_code(normalized(set.codes[0].text()), {set.hashes[1]}).has_value());
}

void matches_codes_of_sets_with_different_salts(void**) {
    const auto old_set = new_set(1);
    const auto new_one = new_set(1);
    const std::vector<RecoveryHash> both = {old_set.hashes[0], new_one.hashes[0], old_set.hashes[0]};
    assert_true(find_recovery_code(normalized(new_one.codes[0].text()), both) == 1);
    assert_true(find_recovery_code(normalized(old_set.codes[0].text()), {both[0], both[1]}) == 0);
}

void gives_one_salt_to_a_set_and_another_to_the_next(void**) {
    const auto first = new_set(3).hashes;
    const auto second = new_set(1).hashes;
    for (const auto& hash : first) assert_text(salt_part(hash.hash), salt_part(first[0].hash));
    assert_string_not_equal(salt_part(first[0].hash).c_str(), salt_part(second[0].hash).c_str());
}

void makes_hashes_it_would_read_again(void**) {
    for (const auto& hash : new_set(3).hashes) {
        claim(is_recovery_hash(hash.hash) && !hash.expires, hash.hash);
        assert_text(hash.id(), hash.hash.substr(hash.hash.size() - 8));
    }
}

void one_more_code_joins_the_set_under_its_salt(void**) {
    auto set = new_set(3);
    const auto one_more = value_of(one_more_recovery_code(set.hashes, 1'800'000'000));
    assert_int_equal(one_more.codes.size(), 1);
    assert_int_equal(one_more.hashes.size(), 1);
    assert_text(salt_part(one_more.hashes[0].hash), salt_part(set.hashes[0].hash));
    set.hashes.push_back(one_more.hashes[0]);
    assert_true(find_recovery_code(normalized(one_more.codes[0].text()), set.hashes) == 3);
    assert_true(find_recovery_code(normalized(set.codes[1].text()), set.hashes) == 1);
}

void one_more_code_is_another_each_time_and_expires_as_told(void**) {
    const auto set = new_set(1);
    const auto first = value_of(one_more_recovery_code(set.hashes, 1'800'000'000));
    const auto second = value_of(one_more_recovery_code(set.hashes, 5));
    assert_true(first.hashes[0].expires == 1'800'000'000 && second.hashes[0].expires == 5);
    assert_true(first.hashes[0].id() != second.hashes[0].id());
    assert_false(first.codes[0] == second.codes[0]);
}

void one_code_for_an_empty_set_has_a_salt_of_its_own(void**) {
    const auto first = value_of(one_more_recovery_code({}, 5));
    const auto second = value_of(one_more_recovery_code({}, 5));
    assert_true(is_recovery_hash(first.hashes[0].hash));
    assert_true(find_recovery_code(normalized(first.codes[0].text()), first.hashes) == 0);
    assert_true(salt_part(first.hashes[0].hash) != salt_part(second.hashes[0].hash));
}

void reads_codes_as_people_type_them(void**) {
    for (const auto& row : vector_table("recovery_codes_typed.txt", 2)) {
        const auto code = normalized_recovery_code(row[0]);
        claim(code && code->text() == row[1], row[0] + " is " + row[1]);
    }
}

void refuses_what_is_not_shaped_like_a_code(void**) {
    for (const auto& line : vector_lines("recovery_codes_refused.txt")) {
        claim(!normalized_recovery_code(line), line);
    }
    assert_false(normalized_recovery_code("").has_value());
}

std::vector<RecoveryHash> kept_digits(std::vector<SecretBytes> codes,
                                      const std::vector<RecoveryHash>& set = {}) {
    return value_of(keep_recovery_digits(codes, set));
}

void keeps_codes_of_eight_digits_under_one_salt(void**) {
    const auto hashes = kept_digits({SecretBytes("12345678"), SecretBytes("00000001")});
    for (const auto& hash : hashes) {
        claim(is_recovery_hash(hash.hash) && !hash.expires && hash.form == RecoveryForm::digits, hash.hash);
        assert_text(salt_part(hash.hash), salt_part(hashes[0].hash));
    }
    assert_true(find_recovery_code(SecretBytes("00000001"), hashes) == 1);
    assert_false(find_recovery_code(SecretBytes("00000000"), hashes).has_value());
}

/// Whoever has the hash tries eight digits sooner than 80 random bits.
void hashes_eight_digits_at_the_cost_of_a_password(void**) {
    assert_true(kept_digits({SecretBytes("12345678")})[0].hash.starts_with("$y$j9T$"));
    assert_true(new_set(1).hashes[0].hash.starts_with("$y$j75$"));
}

void codes_of_each_form_join_those_of_their_own(void**) {
    auto set = kept_digits({SecretBytes("12345678")});
    const auto one_more = value_of(one_more_recovery_code(set, 5)).hashes[0];
    assert_string_not_equal(salt_part(one_more.hash).c_str(), salt_part(set[0].hash).c_str());
    set.push_back(one_more);
    const auto another = value_of(one_more_recovery_code(set, 5)).hashes[0];
    assert_text(salt_part(another.hash), salt_part(one_more.hash));
    assert_text(salt_part(kept_digits({SecretBytes("87654321")}, set)[0].hash), salt_part(set[0].hash));
}

/// Else a response would cost a hash of the other form's salt as well.
void looks_among_the_codes_of_its_form_alone(void**) {
    auto hashes = kept_digits({SecretBytes("12345678")});
    hashes[0].form = RecoveryForm::symbols;
    assert_false(find_recovery_code(SecretBytes("12345678"), hashes).has_value());
}

void reads_eight_digits_as_people_type_them(void**) {
    for (const auto* typed : {"12345678", "1234 5678", "1234-5678", " 12345678\t"}) {
        claim(normalized_recovery_digits(typed) == SecretBytes("12345678"), typed);
    }
    for (const auto* typed : {"", "1234567", "123456789", "1234567a", "１２３４５６７８", "12345678."}) {
        claim(!normalized_recovery_digits(typed), typed);
    }
}

void takes_no_hash_but_yescrypt(void**) {
    for (const auto& row : vector_table("recovery_hashes.txt", 2)) {
        claim(is_recovery_hash(row[1]) == (row[0] == "read"), row[0] + " " + row[1]);
    }
    assert_false(is_recovery_hash(""));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(shows_codes_as_four_groups_of_crockford_symbols),
        cmocka_unit_test(makes_as_many_different_codes_as_asked),
        cmocka_unit_test(makes_no_more_codes_than_a_user_may_hold),
        cmocka_unit_test(uses_every_symbol_in_every_position),
        cmocka_unit_test(matches_each_code_with_its_own_hash),
        cmocka_unit_test(matches_no_other_code),
        cmocka_unit_test(matches_codes_of_sets_with_different_salts),
        cmocka_unit_test(gives_one_salt_to_a_set_and_another_to_the_next),
        cmocka_unit_test(makes_hashes_it_would_read_again),
        cmocka_unit_test(one_more_code_joins_the_set_under_its_salt),
        cmocka_unit_test(one_more_code_is_another_each_time_and_expires_as_told),
        cmocka_unit_test(one_code_for_an_empty_set_has_a_salt_of_its_own),
        cmocka_unit_test(keeps_codes_of_eight_digits_under_one_salt),
        cmocka_unit_test(hashes_eight_digits_at_the_cost_of_a_password),
        cmocka_unit_test(codes_of_each_form_join_those_of_their_own),
        cmocka_unit_test(looks_among_the_codes_of_its_form_alone),
        cmocka_unit_test(reads_eight_digits_as_people_type_them),
        cmocka_unit_test(reads_codes_as_people_type_them),
        cmocka_unit_test(refuses_what_is_not_shaped_like_a_code),
        cmocka_unit_test(takes_no_hash_but_yescrypt),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
