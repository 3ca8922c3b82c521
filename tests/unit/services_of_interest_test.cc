// Which services are worth a look where none is named, and what of files that others take in.
#include "enroll/doctor/services_of_interest.h"

#include "tests/unit/pam_machine.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

/// "SERVICE PROTECTION" for each.
std::string found(const Machine& machine) {
    std::string text;
    for (const auto& examined : examine_services_of_interest(machine.surroundings())) {
        text.append(text.empty() ? "" : ", ").append(examined.service).append(" ");
        text.append(name_of(examined.protection));
    }
    return text;
}

constexpr const char* asks = "auth requisite pam_unix.so\nauth required pam_totp.so\n";
constexpr const char* open_to_passwords =
    "auth sufficient pam_unix.so\nauth required pam_totp.so\naccount required pam_permit.so\n";

void those_that_ask_and_the_usual_doors_are(void**) {
    const Machine machine(Files{{"chat", "auth required pam_unix.so\n"},
                                {"gdm-password", "auth required pam_unix.so\n"},
                                {"vpn", asks},
                                {"vpn.dpkg-old", asks}});
    assert_text(found(machine), "gdm-password no_code, vpn proven");
}

// ---- files that others take in

void service_that_another_takes_in_is_told_of_where_it_can_be_passed(void**) {
    const Machine machine(
        Files{{"vpn", open_to_passwords}, {"vpn-admin", "auth required pam_totp.so\n@include vpn\n"}});
    assert_text(found(machine), "vpn bypass, vpn-admin proven");
    const Machine twice(Files{{"vpn", open_to_passwords},
                              {"vpn-mobile", "@include vpn\n"},
                              {"vpn-admin", "auth required pam_totp.so\n@include vpn-mobile\n"}});
    assert_text(found(twice), "vpn bypass, vpn-admin proven");
}

void usual_door_is_told_of_whoever_takes_it_in(void**) {
    const Machine machine(Files{{"su", asks}, {"su-l", "auth include su\n"}});
    assert_text(found(machine), "su proven, su-l proven");
}

/// Debian: alone some would let anybody in, or nobody.
void part_of_services_is_not_told_of(void**) {
    const Machine machine(Files{{"common-auth",
                                 "auth [success=1 default=ignore] pam_unix.so nullok\n"
                                 "auth requisite pam_deny.so\n"
                                 "auth required pam_permit.so\n"
                                 "auth required pam_totp.so nullok\n"},
                                {"common-account", "account required pam_totp.so nullok\n"},
                                {"common-code", "auth required pam_totp.so nullok\n"},
                                {"other", "@include common-auth\n"},
                                {"cron", "auth requisite pam_unix.so\n@include common-code\n"},
                                {"sshd", "@include common-auth\n@include common-account\n"}});
    assert_text(found(machine), "cron proven, other proven, sshd proven");
}

void way_past_a_code_in_a_shared_file_is_told_of_services_alone(void**) {
    const Machine debian(Files{{"common-auth",
                                "auth [success=2 default=ignore] pam_unix.so nullok\n"
                                "auth requisite pam_deny.so\n"
                                "auth required pam_totp.so\n"
                                "auth required pam_permit.so\n"},
                               {"login", "auth optional pam_faildelay.so\n@include common-auth\n"},
                               {"su", "auth sufficient pam_rootok.so\n@include common-auth\n"}});
    assert_text(found(debian), "login bypass, su bypass");
    const std::string authselect =
        "auth required pam_env.so\nauth sufficient pam_unix.so nullok\nauth required pam_totp.so\n"
        "auth required pam_deny.so\naccount required pam_unix.so\n";
    const Machine fedora(Files{
        {"password-auth", authselect},
        {"postlogin", "session optional pam_umask.so silent\n"},
        {"system-auth", authselect},
        {"sshd", "auth substack password-auth\nauth include postlogin\naccount include password-auth\n"},
        {"sudo", "auth include system-auth\naccount include system-auth\n"}});
    assert_text(found(fedora), "sshd bypass, sudo bypass");
    const Machine arch(Files{{"system-auth", authselect},
                             {"system-login", "auth required pam_shells.so\nauth include system-auth\n"},
                             {"system-local-login", "auth include system-login\n"},
                             {"login", "auth include system-local-login\n"}});
    assert_text(found(arch), "login bypass");
}

// ---- names with capitals, which libpam makes small

constexpr const char* never_read =
    " never_read MyApp: libpam never reads that file as a service's: it looks for them in small letters | ";

/// As found for `service`: paths in commands are shown without their directory.
std::string findings_of(const Machine& machine, std::string_view service) {
    const auto all = examine_services_of_interest(machine.surroundings());
    const auto found = std::ranges::find(all, service, &Examination::service);
    return found == all.end() ? "" : machine.findings_of(*found);
}

void file_that_libpam_never_reads_is_a_fault_where_it_was_to_ask_for_a_code(void**) {
    const Machine alone(Files{{"MyApp", asks}, {"other", "auth required pam_deny.so\n"}});
    assert_text(findings_of(alone, "myapp"),
                "remark other other: there is no file for it, so `other` stands in | \n"
                "remark closed other: nobody gets in, whatever they answer | \n"
                "fault" +
                    std::string(never_read) + "mv MyApp myapp\n");
    const Machine beside(Files{{"MyApp", asks}, {"myapp", "auth required pam_permit.so\n"}});
    assert_text(found(beside), "myapp no_code");
    claim(findings_of(beside, "myapp")
              .ends_with("fault" + std::string(never_read) + "put what it says into myapp, then rm MyApp\n"),
          findings_of(beside, "myapp"));
    const Machine followed(Files{{"myapp", asks}});
    assert_text(found(followed), "myapp proven");
    assert_text(followed.findings("MyApp"), "");
}

void file_that_libpam_never_reads_and_that_is_not_ours_is_told_of_where_it_is_named(void**) {
    const Machine machine(Files{{"MyApp", "auth required pam_unix.so\n"}, {"other", asks}});
    assert_text(found(machine), "other proven");
    claim(machine.findings("MyApp").find("remark" + std::string(never_read)) != std::string::npos,
          machine.findings("MyApp"));
}

void file_with_capitals_that_others_take_in_is_a_part_of_them(void**) {
    const Machine machine(Files{{"Common-Code", asks}, {"vpn", "@include Common-Code\n"}});
    assert_text(found(machine), "vpn proven");
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(those_that_ask_and_the_usual_doors_are),
        cmocka_unit_test(service_that_another_takes_in_is_told_of_where_it_can_be_passed),
        cmocka_unit_test(usual_door_is_told_of_whoever_takes_it_in),
        cmocka_unit_test(part_of_services_is_not_told_of),
        cmocka_unit_test(way_past_a_code_in_a_shared_file_is_told_of_services_alone),
        cmocka_unit_test(file_that_libpam_never_reads_is_a_fault_where_it_was_to_ask_for_a_code),
        cmocka_unit_test(file_that_libpam_never_reads_and_that_is_not_ours_is_told_of_where_it_is_named),
        cmocka_unit_test(file_with_capitals_that_others_take_in_is_a_part_of_them),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
