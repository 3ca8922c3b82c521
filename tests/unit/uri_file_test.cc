#include "enroll/foreign/uri_file.h"

#include "enroll/foreign/migration_uri.h"
#include "tests/unit/foreign.h"

namespace totp::testing {
namespace {

std::string text_of(const Migration& migration) {
    std::string text = std::to_string(migration.part) + "/" + std::to_string(migration.parts);
    for (const auto& key : migration.keys) {
        text += " " + std::string(format_key_uri(key, UriParameters::not_default).text());
    }
    return text;
}

void reads_what_an_app_exports(void**) {
    for (const auto& row : vector_table("migration_uris_good.txt", 2)) {
        const auto found = text_of(value_of(parse_migration_uri(row[0])));
        claim(found == row[1], row[0] + " | but " + found);
    }
}

void refuses_wrong_migration_uris_and_says_why(void**) {
    for (const auto& row : vector_table("migration_uris_bad.txt", 2)) {
        assert_failure(parse_migration_uri(row[0]), Trouble::input, row[1]);
    }
}

std::string whole_uri() { return vector_table("migration_uris_good.txt", 2).at(0)[0]; }

/// Nothing in the format tells where the payload ends; but what is read is read whole.
void never_takes_a_part_of_a_key_for_a_whole_one(void**) {
    const auto uri = whole_uri();
    const auto whole = value_of(parse_migration_uri(uri)).keys.at(0);
    for (std::size_t size = 0; size < uri.size(); ++size) {
        const auto cut = parse_migration_uri(uri.substr(0, size));
        claim(!cut || (cut->keys.size() == 1 && cut->keys[0].credential == whole.credential),
              uri.substr(0, size));
    }
}

void reads_a_file_of_both_kinds_in_its_order(void**) {
    const auto file =
        "# what alice had\n\notpauth://hotp/alice?secret=OBUG63TFOBUG63TFOBUG63TFOBUG63TF&counter=7\r\n" +
        whole_uri() + "\n";
    const auto devices = value_of(parse_uri_file(file));
    assert_true(devices.size() > 1);
    assert_text(description_of(devices[0]),
                "hotp SHA1 digits=6 period=30 counter=7 next=7 drift=0 last_used=0 "
                "secret=70686f6e6570686f6e6570686f6e6570686f6e65\n");
    assert_true(devices[1].credential.type == CredentialType::totp);
}

void reads_a_file_that_an_editor_has_marked_and_indented(void**) {
    const auto devices = value_of(parse_uri_file(
        "\xEF\xBB\xBF  otpauth://totp/a?secret=OBUG63TFOBUG63TFOBUG63TFOBUG63TF \r\n \t\r\n\t# mine\n"));
    assert_int_equal(devices.size(), 1);
}

void notes_a_short_secret_and_a_part_of_an_export(void**) {
    const auto devices = value_of(parse_uri_file("otpauth://totp/a?secret=OBUG63TFOBUG63TF\n"));
    assert_string_equal(
        devices[0].notes.at(0).english().c_str(),
        "the secret has only 80 bits, a new one has 160: better a new device with totp-enroll add");
    for (const auto& row : vector_table("migration_uris_good.txt", 2)) {
        if (!row[1].starts_with("2/3")) continue;
        assert_string_equal(value_of(parse_uri_file(row[0])).back().notes.back().english().c_str(),
                            "this was part 2 of 3");
    }
}

void names_the_wrong_line(void**) {
    const std::string good = "otpauth://totp/a?secret=OBUG63TFOBUG63TF\n";
    assert_failure(parse_uri_file(good + "otpauth://totp/a\n"), Trouble::input,
                   "has a wrong line 2: the key URI");
    assert_failure(parse_uri_file(good + "\notpauth-migration://offline?data=!\n"), Trouble::input,
                   "has a wrong line 3: the migration URI has data that isn't base 64");
    assert_failure(parse_uri_file("# nothing\n\n"), Trouble::input, "has no URI in it");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_an_app_exports),
        cmocka_unit_test(refuses_wrong_migration_uris_and_says_why),
        cmocka_unit_test(never_takes_a_part_of_a_key_for_a_whole_one),
        cmocka_unit_test(reads_a_file_of_both_kinds_in_its_order),
        cmocka_unit_test(reads_a_file_that_an_editor_has_marked_and_indented),
        cmocka_unit_test(notes_a_short_secret_and_a_part_of_an_export),
        cmocka_unit_test(names_the_wrong_line),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
