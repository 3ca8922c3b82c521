// tests/vectors/sshd_ways.txt: what is found in sshd's settings. tests/system/test_check_sshd.py holds the
// same against a real sshd and a real client.
#include "enroll/doctor/sshd_ways.h"

#include "tests/unit/testing.h"

namespace totp {
namespace {

using namespace testing;

constexpr std::string_view as_recommended =
    "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\npubkeyauthentication yes\n"
    "authorizedkeysfile .ssh/authorized_keys\nauthorizedkeyscommand none\ntrustedusercakeys none\n"
    "gssapiauthentication no\nkerberosauthentication no\nhostbasedauthentication no\n"
    "permitemptypasswords no\npermitrootlogin without-password\nlogingracetime 120\nmaxauthtries 6\n"
    "authenticationmethods any\n";

/// `differences`: "KEYWORD VALUE; KEYWORD VALUE".
SshdSettings settings_of(std::string differences) {
    std::ranges::replace(differences, ';', '\n');
    return value_of(parse_sshd_settings(differences + "\n" + std::string(as_recommended)));
}

SshdStack stack_of(const std::string& words) {
    SshdStack stack;
    std::istringstream stream(words);
    for (std::string word; stream >> word;) {
        for (const auto protection : {Protection::proven, Protection::exempt, Protection::bypass,
                                      Protection::no_code, Protection::unknown}) {
            if (word == name_of(protection)) stack.protection = protection;
        }
        stack.takes_one_field |= word == "one_field";
        stack.lets_unenrolled_in |= word == "unenrolled";
    }
    return stack;
}

SshdView view_of(const std::string& settings, const std::string& stack, const std::string& user) {
    const SshdConnection connection{{user, {}}, "192.0.2.1", "192.0.2.1", "192.0.2.2", "22", ""};
    return {connection, settings_of(settings), stack_of(stack)};
}

std::string_view name_of(Severity severity) {
    return severity == Severity::fault ? "fault" : severity == Severity::warning ? "warning" : "remark";
}

/// "SEVERITY KIND SETTING" for each, without a file to say where.
std::string found(const std::vector<CheckFinding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
        const auto change = finding.change.english();
        const auto start = change.find('`') + 1;
        const auto setting = change.substr(start, change.find('`', start) - start);
        text.append(text.empty() ? "" : ", ").append(name_of(finding.severity)).append(" ");
        text.append(finding.kind).append(" ").append(setting);
    }
    return text;
}

void finds_what_is_wrong_and_nothing_else(void**) {
    for (const auto& row : vector_table("sshd_ways.txt", 4)) {
        const auto findings = judge_sshd({"sshd_config", {}, {}}, view_of(row[0], row[1], row[2]));
        claim(found(findings) == row[3], row[0] + " | " + row[1] + " | " + found(findings));
    }
}

void every_finding_says_whom_where_how_and_what_to_change(void**) {
    for (const auto& row : vector_table("sshd_ways.txt", 4)) {
        for (const auto& finding : judge_sshd({"F", {}, {}}, view_of(row[0], row[1], row[2]))) {
            const auto sentence = finding.sentence.english();
            claim(finding.about.english() == "sshd" && finding.place.file == "F" &&
                      finding.change.english().starts_with("add the line `") && finding.steps.size() == 1 &&
                      finding.steps.front().english().starts_with("sshd -T -C user=" + row[2] + ",") &&
                      sentence.starts_with("as root, ") == (row[2] == "root"),
                  row[0] + " | " + sentence);
        }
    }
}

void a_line_that_decides_is_written_anew_in_its_place(void**) {
    SshdConfig config{"F", {{{"G", 7}, "usepam", {"no"}, std::nullopt}}, {}};
    const auto findings =
        judge_sshd(config, view_of("usepam no; passwordauthentication yes", "proven", "alice"));
    assert_text(text_of(findings.at(0).place), "G:7");
    assert_text(findings[0].change.english(), "write `UsePAM yes` in its place");
    assert_text(findings[0].sentence.english(),
                "whoever has the password gets in without a code, because sshd doesn't ask PAM");
}

void says_to_whom_a_block_applies(void**) {
    const SshdBlock block{{"F", 3}, "Match User alice", {{"user", "alice"}}};
    auto view = view_of("", "proven", "alice");
    view.block = &block;
    const auto findings = judge_sshd({"F", {}, {block}}, view);
    assert_true(
        findings.at(0).sentence.english().starts_with("where `Match User alice` applies, whoever has a key"));
}

void says_what_else_a_decision_about_keys_could_be(void**) {
    const auto findings = judge_sshd({"F", {}, {}}, view_of("", "proven", "alice"));
    assert_text(findings.at(0).change.english(),
                "add the line `AuthenticationMethods keyboard-interactive:pam` at the top of F, or with "
                "`publickey,keyboard-interactive:pam` to ask for both; if that is to be enough, with "
                "`publickey keyboard-interactive:pam`");
}

}  // namespace
}  // namespace totp

int main() {
    using namespace totp;
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_wrong_and_nothing_else),
        cmocka_unit_test(every_finding_says_whom_where_how_and_what_to_change),
        cmocka_unit_test(a_line_that_decides_is_written_anew_in_its_place),
        cmocka_unit_test(says_to_whom_a_block_applies),
        cmocka_unit_test(says_what_else_a_decision_about_keys_could_be),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
