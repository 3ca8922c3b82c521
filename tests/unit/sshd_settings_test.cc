#include "enroll/doctor/sshd_settings.h"

#include "tests/unit/testing.h"

namespace totp {
namespace {

using namespace testing;

constexpr std::string_view said =
    "port 22\n"
    "usepam yes\n"
    "logingracetime 120\n"
    "maxauthtries 6\n"
    "permitrootlogin without-password\n"
    "hostbasedauthentication no\n"
    "pubkeyauthentication yes\n"
    "kerberosauthentication no\n"
    "gssapiauthentication yes\n"
    "passwordauthentication no\n"
    "kbdinteractiveauthentication yes\n"
    "permitemptypasswords no\n"
    "trustedusercakeys none\n"
    "authorizedkeyscommand none\n"
    "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n"
    "authenticationmethods publickey,keyboard-interactive publickey,password\n";

SshdSettings settings_with(const std::string& first) {
    return value_of(parse_sshd_settings(first + "\n" + std::string(said)));
}

void reads_what_sshd_says(void**) {
    const auto settings = settings_with("");
    assert_true(settings.use_pam && settings.keyboard_interactive && settings.public_key && settings.gssapi);
    assert_false(settings.password || settings.kerberos || settings.hostbased || settings.empty_passwords);
    assert_text(settings.root_login, "prohibit-password");
    assert_int_equal(settings.methods.size(), 2);
    assert_text(settings.methods[1], "publickey,password");
    assert_int_equal(settings.grace_time, 120);
    assert_int_equal(settings.max_tries, 6);
    assert_text(settings.pam_service, "sshd");
}

void any_method_is_no_list(void**) {
    assert_true(settings_with("authenticationmethods any").methods.empty());
}

void an_sshd_of_old_has_another_name_for_prompts(void**) {
    const auto settings =
        settings_with("kbdinteractiveauthentication no\nchallengeresponseauthentication yes");
    assert_true(settings.keyboard_interactive);
}

void a_key_is_no_way_in_where_none_is_looked_for(void**) {
    assert_false(settings_with("authorizedkeysfile none").public_key);
    assert_true(settings_with("authorizedkeysfile none\ntrustedusercakeys /etc/ssh/ca").public_key);
    assert_true(settings_with("authorizedkeysfile none\nauthorizedkeyscommand /bin/keys").public_key);
    assert_false(settings_with("pubkeyauthentication no").public_key);
}

void reads_the_service_that_pam_is_asked_about(void**) {
    assert_text(settings_with("pamservicename sshd-outside").pam_service, "sshd-outside");
    assert_text(settings_with("pamservicename SSHD-Outside").pam_service, "sshd-outside");
}

void lists_of_users_have_a_line_for_each(void**) {
    const auto settings = settings_with("allowusers alice\nallowusers root@10.0.0.0/8\ndenygroups staff");
    const std::vector<std::string> allowed = {"alice", "root@10.0.0.0/8"};
    assert_true(settings.allowed_users == allowed && settings.denied_users.empty());
    assert_true(settings.denied_groups == std::vector<std::string>{"staff"} &&
                settings.allowed_groups.empty());
}

void complaints_before_the_settings_are_passed_over(void**) {
    assert_true(
        settings_with("/etc/ssh/sshd_config line 3: Deprecated option UsePrivilegeSeparation").use_pam);
}

void what_sshd_complains_of_is_handed_on_in_its_own_words(void**) {
    assert_failure(parse_sshd_settings("/etc/ssh/sshd_config: line 6: Bad configuration option: Foo\r\n"
                                       "/etc/ssh/sshd_config: terminating, 1 bad configuration options\r\n"),
                   Trouble::settings,
                   "/etc/ssh/sshd_config: line 6: Bad configuration option: Foo; "
                   "/etc/ssh/sshd_config: terminating, 1 bad configuration options");
    assert_failure(parse_sshd_settings("\x1b[2J"), Trouble::settings, "?[2J");
    assert_failure(parse_sshd_settings(""), Trouble::settings, "");
}

void finds_the_place_in_a_complaint(void**) {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"/etc/ssh/sshd_config: line 6: Bad configuration option: Foo", "/etc/ssh/sshd_config:6"},
        {"/etc/ssh/my config line 12: \"any\" must appear alone", "/etc/ssh/my config:12"},
        {"/etc/ssh/sshd_config line x: ?", ""},
        {"AuthenticationMethods cannot be satisfied by enabled authentication methods", ""},
        {"/etc/ssh/sshd_config: No such file or directory", ""}};
    for (const auto& [complaint, place] : table) {
        const auto found = place_in_complaint(complaint);
        const auto text = found.file.empty() ? "" : found.file + ":" + std::to_string(found.line);
        claim(text == place, std::string(complaint) + " | " + text);
    }
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_sshd_says),
        cmocka_unit_test(any_method_is_no_list),
        cmocka_unit_test(an_sshd_of_old_has_another_name_for_prompts),
        cmocka_unit_test(a_key_is_no_way_in_where_none_is_looked_for),
        cmocka_unit_test(reads_the_service_that_pam_is_asked_about),
        cmocka_unit_test(lists_of_users_have_a_line_for_each),
        cmocka_unit_test(complaints_before_the_settings_are_passed_over),
        cmocka_unit_test(what_sshd_complains_of_is_handed_on_in_its_own_words),
        cmocka_unit_test(finds_the_place_in_a_complaint),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
