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

/// `who`: "NAME GROUP GROUP".
SshdView view_of(const std::string& settings, const std::string& stack, const std::string& who) {
    std::istringstream words(who);
    SshdPerson person;
    words >> person.name;
    for (std::string group; words >> group;) person.groups.push_back(group);
    const SshdConnection connection{person, "192.0.2.1", "192.0.2.1", "192.0.2.2", "22", ""};
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
        const auto findings = judge_sshd({"sshd_config", {}, {}}, view_of(row[0], row[1], row[2]), nullptr);
        claim(found(findings) == row[3], row[0] + " | " + row[1] + " | " + found(findings));
    }
}

void every_finding_says_whom_where_how_and_what_to_change(void**) {
    for (const auto& row : vector_table("sshd_ways.txt", 4)) {
        const auto view = view_of(row[0], row[1], row[2]);
        for (const auto& finding : judge_sshd({"F", {}, {}}, view, nullptr)) {
            const auto sentence = finding.sentence.english();
            claim(finding.about.english() == "sshd" && finding.place.file == "F" &&
                      finding.change.english().starts_with("add the line `") && finding.steps.size() == 1 &&
                      finding.steps.front().english().starts_with(
                          "sshd -T -C user=" + view.connection.person.name + ",") &&
                      sentence.starts_with("as root, ") == view.is_root(),
                  row[0] + " | " + sentence);
        }
    }
}

void a_line_that_decides_is_written_anew_in_its_place(void**) {
    SshdConfig config{"F", {{{"G", 7}, "usepam", {"no"}, std::nullopt}}, {}};
    const auto findings =
        judge_sshd(config, view_of("usepam no; passwordauthentication yes", "proven", "alice"), nullptr);
    assert_text(text_of(findings.at(0).place), "G:7");
    assert_text(findings[0].change.english(), "write `UsePAM yes` in its place");
    assert_text(findings[0].sentence.english(),
                "whoever has the password gets in without a code, because sshd doesn't ask PAM");
}

void says_to_whom_a_block_applies(void**) {
    const SshdBlock block{{"F", 3}, "Match User alice", {{"user", "alice"}}};
    auto view = view_of("", "proven", "alice");
    view.block = &block;
    const auto findings = judge_sshd({"F", {}, {block}}, view, nullptr);
    assert_true(
        findings.at(0).sentence.english().starts_with("where `Match User alice` applies, whoever has a key"));
}

void says_what_else_a_decision_about_keys_could_be(void**) {
    const auto findings = judge_sshd({"F", {}, {}}, view_of("", "proven", "alice"), nullptr);
    assert_text(findings.at(0).change.english(),
                "add the line `AuthenticationMethods keyboard-interactive:pam` at the top of F, or with "
                "`publickey,keyboard-interactive:pam` to ask for both; if that is to be enough, with "
                "`publickey keyboard-interactive:pam`");
}

// ---- root, whom a change for everybody would shut out

/// What the change that is told of alice's key says of root.
std::string change_of_key(const SshdConfig& config, const std::string& settings,
                          const std::string& settings_of_root) {
    const auto root = view_of(settings_of_root, "proven", "root");
    const auto findings = judge_sshd(config, view_of(settings, "proven", "alice"), &root);
    assert_text(findings.at(0).kind, "key_alone");
    return findings[0].change.english();
}

constexpr const char* asked_of_all =
    "add the line `AuthenticationMethods keyboard-interactive:pam` at the top of F, or with "
    "`publickey,keyboard-interactive:pam` to ask for both; if that is to be enough, with "
    "`publickey keyboard-interactive:pam`";

void change_that_would_shut_root_out_says_so_and_what_keeps_root(void**) {
    assert_text(change_of_key({"F", {}, {}}, "", ""),
                std::string(asked_of_all) +
                    "; where all are asked for a code, nobody gets in as root any more: to leave root as it "
                    "is, add the lines `Match User root` and `AuthenticationMethods publickey` at the end of "
                    "F; to have root asked too, enrol root (`totp-enroll add --user root`) and add the line "
                    "`PermitRootLogin yes` at the top of F");
    const SshdConfig config{"F", {{{"G", 3}, "permitrootlogin", {"forced-commands-only"}, std::nullopt}}, {}};
    const auto change = change_of_key(config, "", "permitrootlogin forced-commands-only");
    claim(change.ends_with(" and write `PermitRootLogin yes` at G:3"), change);
}

void all_that_lets_root_in_is_kept(void**) {
    const auto change =
        change_of_key({"F", {}, {}}, "", "hostbasedauthentication yes; gssapiauthentication yes");
    claim(change.find("`AuthenticationMethods publickey gssapi-with-mic hostbased`") != std::string::npos,
          change);
}

void root_who_loses_nothing_is_not_spoken_of(void**) {
    for (const auto* root :
         {"permitrootlogin yes", "permitrootlogin no", "pubkeyauthentication no", "denyusers root"})
        assert_text(change_of_key({"F", {}, {}}, "", root), asked_of_all);
    const SshdBlock of_root{{"F", 3}, "Match User root", {{"user", "root"}}};
    const SshdConfig config{"F", {{{"F", 4}, "authenticationmethods", {"publickey"}, 0U}}, {of_root}};
    assert_text(change_of_key(config, "", "authenticationmethods publickey"), asked_of_all);
}

/// Of two blocks the first counts.
void way_of_root_is_kept_before_the_block_that_would_take_it(void**) {
    const SshdBlock block{{"F", 3}, "Match Address 192.0.2.1", {{"address", "192.0.2.1"}}};
    const SshdConfig config{"F", {{{"F", 4}, "authenticationmethods", {"publickey"}, 0U}}, {block}};
    const auto change =
        change_of_key(config, "authenticationmethods publickey", "authenticationmethods publickey");
    claim(change.starts_with("write `AuthenticationMethods keyboard-interactive:pam` in its place, or with "
                             "`publickey,keyboard-interactive:pam` to ask for both; where all"),
          change);
    claim(change.find("`Match User root` and `AuthenticationMethods publickey` before F:3; ") !=
              std::string::npos,
          change);
}

void root_who_may_type_nothing_is_offered_no_prompt(void**) {
    for (const auto* settings :
         {"", "authenticationmethods publickey", "permitrootlogin forced-commands-only"}) {
        const auto root = view_of(settings, "proven", "root");
        assert_text(judge_sshd({"F", {}, {}}, root, &root).at(0).change.english(),
                    "add the line `PermitRootLogin no` at the top of F, so that nobody comes as root; only "
                    "with `PermitRootLogin yes` can root be asked for a code");
    }
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
        cmocka_unit_test(change_that_would_shut_root_out_says_so_and_what_keeps_root),
        cmocka_unit_test(all_that_lets_root_in_is_kept),
        cmocka_unit_test(root_who_loses_nothing_is_not_spoken_of),
        cmocka_unit_test(way_of_root_is_kept_before_the_block_that_would_take_it),
        cmocka_unit_test(root_who_may_type_nothing_is_offered_no_prompt),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
