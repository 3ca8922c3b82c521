// What check says of stacks, and that who follows it is better off: each stack is written down here, and so
// is what becomes of it.
#include "enroll/doctor/stack_examiner.h"

#include "tests/unit/pam_machine.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

/// Said with a line of ours that is to be added.
constexpr const char* until_they_are =
    "; who isn't enrolled, root too, doesn't get in then: until they are, write `unenrolled=ignore` behind "
    "it\n";

// ---- a code is asked of people whose password wasn't right

constexpr const char* asked_first =
    ": a code is asked of people whose password wasn't right, so strangers can use up somebody's guesses | ";

/// As authselect writes it.
constexpr const char* password_auth =
    "auth required pam_env.so\n"
    "auth required pam_faildelay.so delay=2000000\n"
    "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
    "auth [default=1 ignore=ignore success=ok] pam_localuser.so\n"
    "auth sufficient pam_unix.so nullok\n"
    "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
    "auth sufficient pam_sss.so forward_pass\n"
    "auth required pam_deny.so\n";

void lines_that_end_a_substack_are_to_become_jumps_before_ours_moves_there(void**) {
    const Machine machine(Files{{"password-auth", password_auth},
                                {"sshd", "auth substack password-auth\nauth required pam_totp.so\n"}});
    assert_text(
        machine.findings("sshd"),
        std::string("warning asked_first sshd:2") + asked_first +
            "write `auth [success=3 default=ignore] pam_unix.so nullok` at password-auth:5; "
            "write `auth [success=1 default=ignore] pam_sss.so forward_pass` at password-auth:7; "
            "write `auth requisite pam_deny.so` at password-auth:8; "
            "move the line to right after password-auth:8; every service that takes in that file asks for "
            "a code then\n");

    const Machine followed(Files{{"password-auth",
                                  "auth required pam_env.so\n"
                                  "auth required pam_faildelay.so delay=2000000\n"
                                  "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
                                  "auth [default=1 ignore=ignore success=ok] pam_localuser.so\n"
                                  "auth [success=3 default=ignore] pam_unix.so nullok\n"
                                  "auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n"
                                  "auth [success=1 default=ignore] pam_sss.so forward_pass\n"
                                  "auth requisite pam_deny.so\n"
                                  "auth required pam_totp.so\n"},
                                 {"sshd", "auth substack password-auth\n"}});
    assert_text(followed.findings("sshd"), "");
    claim(followed.look_at("sshd").protection == Protection::proven, "who follows it is where they were");
}

void who_is_not_enrolled_still_gets_in_after_the_change(void**) {
    const Machine machine(Files{
        {"password-auth", password_auth},
        {"sshd",
         "auth substack password-auth\nauth required pam_totp.so nullok\naccount required pam_permit.so\n"}});
    const auto said = machine.findings("sshd");
    claim(said.find(
              "write `auth requisite pam_deny.so` at password-auth:8; add the line `auth required "
              "pam_permit.so` after password-auth:8; move the line to right behind that; every service") !=
              std::string::npos,
          said);

    const Machine followed(Files{{"password-auth",
                                  "auth [success=2 default=ignore] pam_unix.so nullok\n"
                                  "auth [success=1 default=ignore] pam_sss.so forward_pass\n"
                                  "auth requisite pam_deny.so\n"
                                  "auth required pam_permit.so\n"
                                  "auth required pam_totp.so nullok\n"},
                                 {"sshd", "auth substack password-auth\n"}});
    claim(followed.look_at("sshd").unenrolled == Unenrolled::ignore, "who isn't enrolled passes");
}

void line_behind_a_substack_moves_into_it_where_nothing_leads_past_it_there(void**) {
    const std::string common =
        "auth [success=1 default=ignore] pam_unix.so nullok\n"
        "auth requisite pam_deny.so\n"
        "auth required pam_permit.so\n";
    const Machine machine(Files{{"common-auth", common},
                                {"cockpit", "auth substack common-auth\nauth required pam_totp.so\n"}});
    assert_text(
        machine.findings("cockpit"),
        std::string("warning asked_first cockpit:2") + asked_first +
            "move the line to right after common-auth:3; every service that takes in that file asks for a "
            "code then\n");
    const Machine followed(Files{{"common-auth", common + "auth required pam_totp.so\n"},
                                 {"cockpit", "auth substack common-auth\n"}});
    assert_text(followed.findings("cockpit"), "");
}

/// `requisite` at the first of two would shut out whom the second knows.
void nobody_is_shut_out_who_shows_who_they_are_by_another_module(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth [success=1 default=ignore] pam_unix.so\n"
                                 "auth required pam_sss.so use_first_pass\n"
                                 "auth required pam_totp.so\n"}});
    assert_text(machine.findings("sshd"), std::string("warning asked_first sshd:3") + asked_first +
                                              "write `auth requisite pam_sss.so use_first_pass` at sshd:2\n");
}

/// Ours stands where others need it too: it doesn't leave that file.
void line_in_a_common_file_stays_in_it(void**) {
    const Machine machine(Files{{"common-auth",
                                 "auth [success=1 default=ignore] pam_unix.so nullok\n"
                                 "auth required pam_totp.so\n"
                                 "auth requisite pam_deny.so\n"
                                 "auth required pam_permit.so\n"},
                                {"sshd", "@include common-auth\n"}});
    const auto said = machine.findings("sshd");
    claim(said.find("move the line to right after common-auth:3\n") != std::string::npos, said);
}

void nothing_is_advised_that_opens_a_way_or_shuts_somebody_out(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth optional pam_group.so\n"
                                 "auth substack one\n"
                                 "auth required pam_totp.so\n"},
                                {"one",
                                 "auth [success=done auth_err=die default=ignore] pam_unix.so\n"
                                 "auth [success=done auth_err=ignore default=bad] pam_sss.so\n"
                                 "auth [success=done default=reset] pam_krb5.so\n"
                                 "auth optional pam_exec.so /bin/true\n"}});
    const auto said = machine.findings("sshd");
    claim(said.find("move the line to") == std::string::npos, said);
}

// ---- a jump past ours

void line_that_would_not_be_run_where_the_jump_leads_stays_where_it_is(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth [success=1 default=ignore] pam_unix.so\n"
                                 "auth [success=1 default=die] pam_sss.so\n"
                                 "auth [success=ok default=1] pam_totp.so\n"
                                 "auth [default=done] pam_permit.so\n"}});
    assert_text(
        machine.findings("sshd"),
        "fault bypass sshd:2: who passes pam_sss.so gets in without a code | write `success=ok` in the "
        "control at sshd:2, so that it leads to sshd:3; write `auth required pam_totp.so` at sshd:3\n");
    const Machine longer(Files{{"sshd",
                                "auth [success=3 default=die] pam_sss.so\n"
                                "auth optional pam_echo.so\n"
                                "auth required pam_totp.so\n"
                                "auth optional pam_echo.so\n"
                                "auth [default=done] pam_permit.so\n"}});
    assert_text(
        longer.findings("sshd"),
        "fault bypass sshd:1: who passes pam_sss.so gets in without a code | write `success=1` in the "
        "control at sshd:1, so that it leads to sshd:3\n");
}

// ---- a line of ours that lets nobody in

/// Root at su isn't let in by what keeps all others out.
void condition_stays_one_where_our_line_can_let_nobody_in(void**) {
    const std::string su =
        "auth sufficient pam_rootok.so\nauth requisite pam_unix.so\nauth required pam_totp.so";
    const Machine misspelt(Files{{"su", su + " windwo=1\n"}});
    const Machine missing(Files{{"su", su + "\n"}}, {"pam_totp.so"});
    for (const auto* machine : {&misspelt, &missing}) {
        const auto said = machine->findings("su");
        claim(said.find("remark exempt su:1: root is asked for no code (pam_rootok.so)") != std::string::npos,
              said);
        claim(said.find("fault bypass") == std::string::npos, said);
    }
}

// ---- two codes

/// As who has put it into a service first, and chosen a profile later.
constexpr const char* common_with_ours =
    "auth [success=1 default=ignore] pam_unix.so nullok\n"
    "auth requisite pam_deny.so\n"
    "auth required pam_permit.so\n"
    "auth required pam_totp.so nullok\n";

void line_that_asks_for_a_second_code_is_told(void**) {
    constexpr const char* told =
        "warning two_codes sshd:2: who is enrolled is asked twice, and a code that was taken once isn't a "
        "second time | take this line away, or the one at common-auth:4\n";
    const std::string common = "@include common-auth\n";
    const auto said_of = [&](const std::string& service) {
        return Machine(Files{{"common-auth", common_with_ours}, {"sshd", service}}).findings("sshd");
    };
    const auto said = said_of(common + "auth required pam_totp.so nullok\n");
    claim(said.find(told) != std::string::npos, said);
    const auto to_root_alone_not =
        said_of("auth sufficient pam_rootok.so\n" + common + "auth required pam_totp.so nullok\n");
    claim(to_root_alone_not.find("warning two_codes sshd:3") != std::string::npos, to_root_alone_not);
    for (const auto* one : {"", "auth required pam_totp.so once nullok\n",
                            "auth optional pam_totp.so nullok\n", "auth sufficient pam_totp.so nullok\n"}) {
        const auto of_one = said_of(common + one);
        claim(of_one.find("two_codes") == std::string::npos, of_one);
    }
}

// ---- what ends the stack before ours

void lines_before_a_last_refusal_lead_past_it_to_ours(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth sufficient pam_unix.so\n"
                                 "auth sufficient pam_sss.so use_first_pass\n"
                                 "auth required pam_totp.so\n"
                                 "auth required pam_deny.so\n"}});
    assert_text(machine.findings("sshd"),
                "fault bypass sshd:1: who passes pam_unix.so gets in without a code | "
                "write `auth [success=2 default=ignore] pam_unix.so` at sshd:1; "
                "write `auth [success=1 default=ignore] pam_sss.so use_first_pass` at sshd:2; "
                "write `auth requisite pam_deny.so` at sshd:4; "
                "move the line `auth required pam_totp.so` from sshd:3 to right after sshd:4\n");
    const Machine unenrolled(Files{{"sshd",
                                    "auth sufficient pam_unix.so\n"
                                    "auth required pam_totp.so nullok\n"
                                    "auth required pam_deny.so\n"
                                    "account required pam_permit.so\n"}});
    const auto said = unenrolled.findings("sshd");
    claim(said.ends_with(
              "; add the line `auth required pam_permit.so` after sshd:3; move the line `auth required "
              "pam_totp.so nullok` from sshd:2 to right behind that\n"),
          said);
}

// ---- days that a line passes over

void day_to_enrol_by_is_told_to_mean_nothing_where_the_line_lets_pass(void**) {
    const Machine machine(Files{{"sshd", "auth requisite pam_unix.so\nauth required pam_totp.so nullok\n"},
                                {"login",
                                 "auth requisite pam_unix.so\nauth required pam_totp.so "
                                 "unenrolled=enrol\naccount required pam_totp.so\n"}});
    const TemporaryDirectory settings;
    write_file(settings.path() / "pam_totp.conf", "enrol_until = 2020-01-01\n");
    auto surroundings = machine.surroundings();
    surroundings.settings = {"/nonexistent", settings.path(), getuid()};
    constexpr const char* told =
        "remark days sshd:2: enrol_by and enrol_until count with unenrolled=enrol alone: this line goes on "
        "letting in "
        "who isn't enrolled | write unenrolled=enrol in place of unenrolled=ignore (or nullok)\n";
    const auto of_sshd = machine.findings_of(examine_service(surroundings, "sshd"));
    claim(of_sshd.find(told) != std::string::npos, of_sshd);
    const auto of_login = machine.findings_of(examine_service(surroundings, "login"));
    claim(of_login.find("remark days") == std::string::npos, of_login);
    claim(machine.findings("sshd").find("remark days") == std::string::npos, "without a day");
}

/// As Alpine and older distributions have it: the file that is taken in ends the service's own stack.
void our_line_is_added_together_with_what_leads_to_it(void**) {
    const Machine machine(Files{{"base-auth",
                                 "auth required pam_env.so\n"
                                 "auth sufficient pam_unix.so nullok\n"
                                 "auth required pam_deny.so\n"},
                                {"su", "auth required pam_totp.so\n"},
                                {"sshd", "auth include base-auth\n"}});
    assert_text(
        machine.findings("sshd"),
        "remark no_code sshd:1: no code is asked | add the line `auth required pam_totp.so` after sshd:1; "
        "write `auth [success=1 default=ignore] pam_unix.so nullok` at base-auth:2, so that it leads to the "
        "new line" +
            std::string(until_they_are));
}

/// It is too long for changes to be tried.
void stack_for_which_no_change_is_known_is_to_be_written_anew(void**) {
    std::string stack = "auth sufficient pam_unix.so\n";
    for (int line = 0; line < 200; ++line) stack += "auth optional pam_echo.so\n";
    const Machine machine(Files{{"sshd", stack + "auth required pam_totp.so\n"}});
    const auto said = machine.findings("sshd");
    claim(said.find("fault bypass sshd:1") == 0 && said.find("have to be written anew") != std::string::npos,
          said);
}

// ---- modules that aren't there, and lines that end as on Windows

void module_that_is_not_there_is_not_taken_for_the_one_that_checks_the_password(void**) {
    const Machine machine(Files{{"sshd", "auth requisite pam_unix.so\nauth sufficient pam_otpw.so\n"}},
                          {"pam_otpw.so"});
    const auto said = machine.findings("sshd");
    assert_text(
        said,
        "remark no_code sshd:1: no code is asked | add the line `auth required pam_totp.so` after sshd:1" +
            std::string(until_they_are));
}

void required_module_that_is_not_there_is_told_before_anything_else(void**) {
    constexpr const char* lines = "auth required pam_otpw.so\nauth required pam_unix.so\n";
    const std::string missing =
        "fault module_missing sshd:1: pam_otpw.so isn't where libpam looks for it, so it lets nobody in | "
        "install "
        "it, or correct its name\n";
    assert_text(Machine(Files{{"sshd", lines}}, {"pam_otpw.so"}).findings("sshd"), missing);
    const auto ours = std::string(lines) + "auth required pam_totp.so\n";
    claim(Machine(Files{{"sshd", ours}}, {"pam_otpw.so"}).findings("sshd").starts_with(missing),
          "with ours too");
}

void missing_module_that_few_come_to_is_no_fault(void**) {
    const Machine machine(Files{{"sshd",
                                 "auth [success=1 default=ignore] pam_unix.so\n"
                                 "auth requisite pam_ldap.so\n"
                                 "auth required pam_permit.so\n"
                                 "auth required pam_totp.so\n"}},
                          {"pam_ldap.so"});
    assert_text(
        machine.findings("sshd"),
        "warning module_missing sshd:2: pam_ldap.so isn't where libpam looks for it, so whoever comes to "
        "that line is refused | install it, or correct its name\n");
}

void file_with_lines_as_on_windows_is_told_once_with_the_command(void**) {
    const Machine machine(Files{{"sshd",
                                 "# by hand\r\nauth required pam_unix.so\r\n\r\nauth required pam_totp.so\r\n"
                                 "account required pam_permit.so\r\n"}});
    const auto said = machine.findings("sshd");
    claim(said.starts_with(
              "fault module_missing sshd:2: pam_unix.so%0D isn't where libpam looks for it, so it lets "
              "nobody in | the lines of that file end as on Windows: sed -i 's/\\r$//' "),
          said);
    claim(std::ranges::count(said, '\n') == 1, said);
}

void whatever_fails_by_a_carriage_return_is_told_so(void**) {
    const std::string windows = "| the lines of that file end as on Windows: sed -i 's/\\r$//' ";
    const Machine taken_in(
        Files{{"common-auth", "auth required pam_unix.so\n"}, {"sshd", "@include common-auth\r\n"}});
    const Machine argument(
        Files{{"sshd", "auth requisite pam_unix.so nullok\r\nauth required pam_totp.so nullok\r\n"}});
    const Machine empty_line(
        Files{{"sshd", "auth requisite pam_unix.so nullok\n\r\nauth required pam_totp.so # so\n"}});
    for (const auto* machine : {&taken_in, &argument, &empty_line}) {
        const auto said = machine->findings("sshd");
        claim(said.starts_with("fault ") && said.find(windows) != std::string::npos, said);
    }
}

/// Where nothing refuses, our line alone is spoilt.
void line_of_ours_that_a_carriage_return_spoils_is_not_to_be_added_once_more(void**) {
    const Machine machine(
        Files{{"sshd", "auth requisite pam_unix.so nullok\r\nauth optional pam_totp.so\r\n"}});
    const auto said = machine.findings("sshd");
    claim(said.starts_with("remark no_code sshd:2: no code is asked | the lines of that file end as on"),
          said);
}

void service_that_lets_nobody_in_is_told_as_that(void**) {
    const Machine machine(
        Files{{"gdm-fingerprint", "auth required pam_env.so\nauth required pam_deny.so\n"}});
    assert_text(machine.findings("gdm-fingerprint"),
                "remark closed gdm-fingerprint: nobody gets in, whatever they answer | \n");
}

// ---- the account phase

constexpr const char* common_account =
    "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
    "account requisite pam_deny.so\n"
    "account required pam_permit.so\n";
constexpr const char* auth_of_enrolling =
    "auth requisite pam_unix.so\n"
    "auth required pam_totp.so unenrolled=enrol\n";
constexpr const char* enrols = "remark enrols sshd:2: who isn't enrolled enrols at the login | \n";

std::string findings_with_account(const std::string& lines) {
    const Machine machine(
        Files{{"common-account", common_account}, {"sshd", std::string(auth_of_enrolling) + lines}});
    return machine.findings("sshd");
}

void account_line_is_to_stand_before_what_ends_the_phase(void**) {
    assert_text(findings_with_account("account required pam_nologin.so\n@include common-account\n"),
                std::string(enrols) +
                    "fault account_missing sshd:2: who has still to enrol gets in nowhere: unenrolled=enrol "
                    "needs our module in the account phase too | add the line `account required pam_totp.so "
                    "unenrolled=enrol` before sshd:4\n");
    assert_text(findings_with_account("account required pam_totp.so unenrolled=enrol\n"
                                      "@include common-account\n"),
                enrols);
}

void account_line_behind_what_ends_the_phase_at_an_expired_password_is_told(void**) {
    assert_text(findings_with_account("@include common-account\n"
                                      "account required pam_totp.so unenrolled=enrol\n"),
                std::string(enrols) +
                    "warning account_expired common-account:1: who has still to enrol, and whose password "
                    "has expired, is turned away once they have changed it, and enrols at the login after "
                    "that | move the line `account required pam_totp.so unenrolled=enrol` before sshd:3\n");
}

void account_line_behind_a_line_that_goes_on_is_right(void**) {
    assert_text(findings_with_account("account required pam_unix.so\n"
                                      "account required pam_totp.so unenrolled=enrol\n"),
                enrols);
}

}  // namespace
}  // namespace totp

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(totp::lines_that_end_a_substack_are_to_become_jumps_before_ours_moves_there),
        cmocka_unit_test(totp::who_is_not_enrolled_still_gets_in_after_the_change),
        cmocka_unit_test(totp::line_behind_a_substack_moves_into_it_where_nothing_leads_past_it_there),
        cmocka_unit_test(totp::nobody_is_shut_out_who_shows_who_they_are_by_another_module),
        cmocka_unit_test(totp::line_in_a_common_file_stays_in_it),
        cmocka_unit_test(totp::nothing_is_advised_that_opens_a_way_or_shuts_somebody_out),
        cmocka_unit_test(totp::line_that_would_not_be_run_where_the_jump_leads_stays_where_it_is),
        cmocka_unit_test(totp::lines_before_a_last_refusal_lead_past_it_to_ours),
        cmocka_unit_test(totp::line_that_asks_for_a_second_code_is_told),
        cmocka_unit_test(totp::condition_stays_one_where_our_line_can_let_nobody_in),
        cmocka_unit_test(totp::our_line_is_added_together_with_what_leads_to_it),
        cmocka_unit_test(totp::stack_for_which_no_change_is_known_is_to_be_written_anew),
        cmocka_unit_test(totp::module_that_is_not_there_is_not_taken_for_the_one_that_checks_the_password),
        cmocka_unit_test(totp::required_module_that_is_not_there_is_told_before_anything_else),
        cmocka_unit_test(totp::missing_module_that_few_come_to_is_no_fault),
        cmocka_unit_test(totp::file_with_lines_as_on_windows_is_told_once_with_the_command),
        cmocka_unit_test(totp::whatever_fails_by_a_carriage_return_is_told_so),
        cmocka_unit_test(totp::line_of_ours_that_a_carriage_return_spoils_is_not_to_be_added_once_more),
        cmocka_unit_test(totp::service_that_lets_nobody_in_is_told_as_that),
        cmocka_unit_test(totp::account_line_is_to_stand_before_what_ends_the_phase),
        cmocka_unit_test(totp::account_line_behind_what_ends_the_phase_at_an_expired_password_is_told),
        cmocka_unit_test(totp::account_line_behind_a_line_that_goes_on_is_right),
        cmocka_unit_test(totp::day_to_enrol_by_is_told_to_mean_nothing_where_the_line_lets_pass),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
