#include "core/store.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void names_records_after_their_users(void**) {
    for (const auto& row : vector_table("record_names.txt", 2)) {
        claim(record_name(row[0]) == row[1], row[0] + " is " + row[1]);
    }
}

void no_user_has_a_record_without_a_name(void**) { assert_false(record_name("").has_value()); }

void names_have_255_bytes_at_most(void**) {
    assert_text(record_name(std::string(255, 'a')).value(), std::string(255, 'a'));
    assert_false(record_name(std::string(256, 'a')).has_value());
    assert_true(record_name(std::string(85, '/')).has_value());
    assert_false(record_name(std::string(86, '/')).has_value());
}

void no_name_leads_out_of_the_directory_or_hides_in_it(void**) {
    const std::string users[] = {"..", ".", "../x", "/", "a/../../b", "a\nb", ".x", std::string("a\0b", 3)};
    for (const auto& user : users) {
        const auto name = record_name(user).value();
        claim(name.find_first_of(std::string_view("/\n\0", 3)) == std::string::npos && name.front() != '.',
              name);
    }
}

void different_users_never_share_a_record(void**) {
    const std::string users[] = {"a b", "a%20b", "A", "a", ".a", "%2Ea", "%2ea", "a/", "a%2F"};
    for (const auto& left : users) {
        for (const auto& right : users) {
            claim((record_name(left) == record_name(right)) == (left == right), left + " and " + right);
        }
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_records_after_their_users),
        cmocka_unit_test(no_user_has_a_record_without_a_name),
        cmocka_unit_test(names_have_255_bytes_at_most),
        cmocka_unit_test(no_name_leads_out_of_the_directory_or_hides_in_it),
        cmocka_unit_test(different_users_never_share_a_record),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
