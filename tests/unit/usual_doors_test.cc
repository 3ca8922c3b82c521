// Which services are doors, and what is said of those that ask for no code.
#include "enroll/doctor/usual_doors.h"

#include "tests/unit/testing.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

CheckFinding told(std::string_view service, const std::string& kind, Severity severity) {
    const auto door = usual_door(service);
    claim(door.has_value(), std::string(service) + " is a door");
    CheckFinding finding{severity, kind, service, "no code is asked", {}, "add the line", {}, {}};
    tell_of_door(*door, finding);
    return finding;
}

void door_is_told_as_what_opens_it(void**) {
    struct Case {
        std::string_view service;
        std::string_view sentence;
        std::string_view change;
    };
    constexpr std::string_view shut =
        "where nobody is to get in so, put the line `auth requisite pam_deny.so` before its other auth lines";
    constexpr std::string_view finger = "who gets in by a fingerprint is asked for no code";
    constexpr std::string_view card = "who gets in by a smart card is asked for no code";
    constexpr std::string_view by_itself = "who is logged in automatically is asked for no code";
    constexpr std::string_view once =
        "it asks but once, so the code has to stand behind the password: see forward_pass in pam_totp(8)";
    for (const auto& [service, sentence, change] : {Case{"gdm-fingerprint", finger, shut},
                                                    {"kde-fingerprint", finger, shut},
                                                    {"gdm-autologin", by_itself, shut},
                                                    {"lightdm-autologin", by_itself, shut},
                                                    {"sddm-autologin", by_itself, shut},
                                                    {"gdm-smartcard", card, "add the line"},
                                                    {"gdm-smartcard-sssd-exclusive", card, "add the line"},
                                                    {"kde-smartcard", card, "add the line"},
                                                    {"xrdp-sesman", "no code is asked", once},
                                                    {"vsftpd", "no code is asked", once},
                                                    {"remote", "no code is asked", "add the line"},
                                                    {"sshd", "no code is asked", "add the line"}}) {
        const auto finding = told(service, "no_code", Severity::remark);
        assert_text(finding.sentence.english(), sentence);
        assert_text(finding.change.english(), change);
    }
    claim(!usual_door("cron") && !usual_door("gdm-launch-environment"), "nobody comes in there");
}

void link_to_a_kind_of_smart_card_counts_and_not_what_it_may_be_a_link_to(void**) {
    const std::set<std::string> debian = {"gdm-smartcard", "gdm-smartcard-pkcs11-exclusive",
                                          "gdm-smartcard-sssd-or-password"};
    claim(usual_door("gdm-smartcard", debian).has_value(), "the link counts");
    claim(!usual_door("gdm-smartcard-pkcs11-exclusive", debian), "the file doesn't");
}

void door_without_its_module_is_shut_and_no_fault_where_few_use_it(void**) {
    claim(told("gdm-fingerprint", "module_missing", Severity::fault).severity == Severity::remark,
          "a finger");
    claim(told("gdm-smartcard", "module_missing", Severity::fault).severity == Severity::remark, "a card");
    claim(told("sshd", "module_missing", Severity::fault).severity == Severity::fault, "ssh");
}

}  // namespace
}  // namespace totp

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(totp::door_is_told_as_what_opens_it),
        cmocka_unit_test(totp::link_to_a_kind_of_smart_card_counts_and_not_what_it_may_be_a_link_to),
        cmocka_unit_test(totp::door_without_its_module_is_shut_and_no_fault_where_few_use_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
