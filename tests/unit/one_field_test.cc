#include "core/one_field.h"

#include <map>

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// The second column of one_field.txt.
Enrolment enrolment_of(const std::string& word) {
    Enrolment enrolment;
    for (const char c : word) {
        if (c == 'R') {
            enrolment.recovery = value_of(new_recovery_codes(1)).hashes;
        } else if (c == 'D') {
            enrolment.recovery = value_of(keep_recovery_digits({SecretBytes("12345678")}, {}));
        } else {
            enrolment.devices.push_back(device_of(std::string("device") + c, {.digits = c - '0'}));
        }
    }
    return enrolment;
}

std::string text_of(const Split& split) {
    return std::string(split.password) + "~" + std::string(split.code);
}

std::string texts_of(const std::vector<Split>& all) {
    std::string texts;
    for (const auto& split : all) texts += (texts.empty() ? "" : " ") + text_of(split);
    return texts;
}

std::vector<Fields> fields() { return vector_table("one_field.txt", 5); }

void has_a_reading_for_each_length_enrolled_the_longest_first(void**) {
    for (const auto& row : fields()) {
        const auto found = texts_of(splits(row[0], enrolment_of(row[1])));
        claim(found == row[2], row[0] + " | " + row[1] + " | but " + found);
    }
}

void has_an_obvious_reading_only_where_all_digits_at_the_end_are_a_code(void**) {
    for (const auto& row : fields()) {
        const auto split = obvious_split(row[0]);
        const auto found = split ? text_of(*split) : "-";
        claim(found == row[3], row[0] + " | but " + found);
    }
}

void tells_a_password_alone_from_one_with_a_code(void**) {
    for (const auto& row : fields()) claim(ends_like_code(row[0]) == (row[4] == "yes"), row[0]);
}

void only_more_than_six_digits_may_be_the_passwords_in_part(void**) {
    for (const auto* field : {"secret1234567", "secret12345678"})
        claim(may_be_shorter(*obvious_split(field)), field);
    for (const auto* field : {"secret123456", "secret0123-4567-89AB-CDEF", "secret-0123456789ABCDEF"})
        claim(!may_be_shorter(*obvious_split(field)), field);
}

void nothing_has_no_reading(void**) {
    assert_true(splits("", enrolment_of("678R")).empty());
    assert_false(obvious_split("").has_value());
    assert_false(ends_like_code(""));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(has_a_reading_for_each_length_enrolled_the_longest_first),
        cmocka_unit_test(has_an_obvious_reading_only_where_all_digits_at_the_end_are_a_code),
        cmocka_unit_test(tells_a_password_alone_from_one_with_a_code),
        cmocka_unit_test(only_more_than_six_digits_may_be_the_passwords_in_part),
        cmocka_unit_test(nothing_has_no_reading),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
