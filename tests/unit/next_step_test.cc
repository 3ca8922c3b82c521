#include "enroll/bulk/next_step.h"

#include "enroll/bulk/hand_over.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// What an account is handed for the device of this name.
HandOver hand_over_of(const std::string& name) {
    return {.user = "alice",
            .device = name,
            .key = {totp_device(name).credential, "Example", "alice"},
            .recovery_codes = {SecretBytes("0123-4567-89AB-CDEF"), SecretBytes("GHJK-MNPQ-RSTV-WXYZ")},
            .picture = "alice.png"};
}

std::optional<LyingText> text_for(const std::string& name) {
    return LyingText{key_in_hand_over(format_hand_over(hand_over_of(name)).text())};
}

Enrolment enrolment_with(const std::string& name, const std::string& another = "tablet") {
    return {{totp_device(name), totp_device(another)}, {}};
}

void enrols_who_is_not_enrolled_and_was_handed_nothing(void**) {
    assert_true(next_step({}, std::nullopt) == NextStep::enrol);
    assert_true(next_step({.begun = text_for("phone")}, std::nullopt) == NextStep::enrol);
    assert_true(next_step({.begun = LyingText{}}, std::nullopt) == NextStep::enrol);
}

void finishes_what_was_begun_and_is_enrolled(void**) {
    assert_true(next_step({.begun = text_for("phone")}, enrolment_with("phone")) == NextStep::finish);
    assert_true(next_step({.begun = text_for("phone"), .has_picture_of_its_own = true},
                          enrolment_with("phone")) == NextStep::finish);
    assert_true(next_step({.begun = text_for("phone")}, enrolment_with("tablet", "phone")) ==
                NextStep::finish);
}

void knows_what_has_begun_whole_by_its_picture(void**) {
    assert_true(LyingThere({.begun = text_for("phone"), .has_picture_begun = true}).begun_is_whole());
    assert_false(LyingThere({.begun = text_for("phone")}).begun_is_whole());
    assert_false(LyingThere({.begun = LyingText{}, .has_picture_begun = true}).begun_is_whole());
    assert_false(LyingThere({.has_picture_begun = true}).begun_is_whole());
}

/// Never a second key for who has one.
void leaves_who_is_enrolled_with_what_was_handed(void**) {
    assert_true(next_step({.handed = text_for("phone"), .has_picture_of_its_own = true},
                          enrolment_with("phone")) == NextStep::leave);
    assert_true(next_step({.handed = text_for("phone")}, enrolment_with("phone")) == NextStep::leave);
}

void refuses_whoever_is_enrolled_with_another_key(void**) {
    assert_true(next_step({}, enrolment_with("phone")) == NextStep::refuse_enrolled);
    assert_true(next_step({.has_picture_of_its_own = true}, enrolment_with("phone")) ==
                NextStep::refuse_enrolled);
    for (const auto& text : {text_for("watch"), std::optional(LyingText{})}) {
        assert_true(next_step({.begun = text}, enrolment_with("phone")) == NextStep::refuse_enrolled);
        assert_true(next_step({.handed = text}, enrolment_with("phone")) == NextStep::refuse_other_key);
    }
}

void refuses_to_replace_what_was_handed_or_is_not_of_this_list(void**) {
    assert_true(next_step({.handed = text_for("phone")}, std::nullopt) == NextStep::refuse_unenrolled);
    assert_true(next_step({.has_picture_of_its_own = true}, std::nullopt) == NextStep::refuse_picture);
    assert_true(next_step({.begun = text_for("phone"), .has_picture_of_its_own = true}, std::nullopt) ==
                NextStep::refuse_picture);
}

// ---- what is handed over

void tells_the_person_all_they_need(void**) {
    const auto text = format_hand_over(hand_over_of("phone"));
    for (const std::string_view part :
         {"for alice\n", "Account:   alice\n", "Issuer:    Example\n", "QR code:   alice.png\n",
          "Device:    phone (time-based, SHA1, 6 digits, 30 s)\n",
          "    OBUG 63TF OBUG 63TF OBUG 63TF OBUG 63TF\n",
          "\notpauth://totp/Example:alice?secret=OBUG63TFOBUG63TFOBUG63TFOBUG63TF&issuer=Example\n",
          "    0123-4567-89AB-CDEF\n    GHJK-MNPQ-RSTV-WXYZ\n", "What to do\n"}) {
        claim(text.text().find(part) != std::string_view::npos, std::string(part));
    }
    assert_true(text.text().find("Label:") == std::string_view::npos);
}

void leaves_out_what_there_is_not(void**) {
    auto bare = hand_over_of("phone");
    bare.recovery_codes.clear();
    bare.key.issuer.clear();
    bare.key.label = "work";
    const auto text = format_hand_over(bare);
    assert_true(text.text().find("ecovery") == std::string_view::npos);
    assert_true(text.text().find("Issuer") == std::string_view::npos);
    assert_true(text.text().find("Label:     work\n") != std::string_view::npos);
}

void finds_the_key_in_a_whole_text_alone(void**) {
    const auto hand_over = hand_over_of("phone");
    const auto text = format_hand_over(hand_over);
    const auto key = key_in_hand_over(text.text());
    assert_true(key && key->credential == hand_over.key.credential && key->issuer == "Example" &&
                key->label == "alice");
    const auto id = device_id(hand_over.key.credential);
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto cut = key_in_hand_over(text.text().substr(0, size));
        claim(!cut || device_id(cut->credential) != id || cut->credential == key->credential,
              std::to_string(size));
    }
    SecretBytes twice(text.text());
    twice.append(text.text());
    assert_false(key_in_hand_over(twice.text()).has_value());
}

void finds_the_recovery_codes_and_nothing_else(void**) {
    auto hand_over = hand_over_of("phone");
    hand_over.key.label = "0123-4567-89AB-CDEX";
    assert_true(recovery_codes_in_hand_over(format_hand_over(hand_over).text()) == hand_over.recovery_codes);
    hand_over.recovery_codes.clear();
    assert_true(recovery_codes_in_hand_over(format_hand_over(hand_over).text()).empty());
    assert_true(recovery_codes_in_hand_over("0123-4567-89AB-CDEF\n    0123-4567-89AB-CDE\n"
                                            "    0123456789ABCDEF\n     0123-4567-89AB-CDEF\n")
                    .empty());
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(enrols_who_is_not_enrolled_and_was_handed_nothing),
        cmocka_unit_test(finishes_what_was_begun_and_is_enrolled),
        cmocka_unit_test(knows_what_has_begun_whole_by_its_picture),
        cmocka_unit_test(leaves_who_is_enrolled_with_what_was_handed),
        cmocka_unit_test(refuses_whoever_is_enrolled_with_another_key),
        cmocka_unit_test(refuses_to_replace_what_was_handed_or_is_not_of_this_list),
        cmocka_unit_test(tells_the_person_all_they_need),
        cmocka_unit_test(leaves_out_what_there_is_not),
        cmocka_unit_test(finds_the_key_in_a_whole_text_alone),
        cmocka_unit_test(finds_the_recovery_codes_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
