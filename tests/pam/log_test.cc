// What a decision leaves in the logs of the system, beside the lines of the dialogues.
#include <set>

#include "tests/pam/guest.h"

namespace {

using Lines = std::set<std::string>;

/// The lines of a message to the journal; no value of ours has more than one.
Lines lines_of(const std::string& message) {
    Lines lines;
    std::size_t begin = 0;
    for (auto end = message.find('\n'); end != std::string::npos; end = message.find('\n', begin)) {
        lines.insert(message.substr(begin, end - begin));
        begin = end + 1;
    }
    assert_true(begin == message.size());
    return lines;
}

std::unique_ptr<stage::Stage> enrolled_stage() {
    auto stage = std::make_unique<stage::Stage>(stage::never_throttled);
    stage->enrol(stage::device_line);
    stage::set_clock(guest::start_of_time);
    return stage;
}

int try_to_log_in(const stage::Stage& stage, const std::string& code, const char* host = guest::home,
                  const char* user = "alice") {
    return guest::Transaction(guest::services_of(stage), guest::answer(code), host, user).authenticate();
}

void journal_gets_each_word_as_a_field(void**) {
    const auto stage = enrolled_stage();
    stage::take_journal();
    stage::take_log();
    try_to_log_in(*stage, stage::right_code(guest::start_of_time));
    const auto messages = stage::take_journal();
    assert_true(messages.size() == 1);
    const auto program = std::string("SYSLOG_IDENTIFIER=") + program_invocation_short_name;
    assert_true(
        lines_of(messages[0]) ==
        Lines({"MESSAGE=pam_totp(door:auth): user=alice service=door rhost=192.0.2.7 verdict=accepted "
               "device=phone "
               "drift=0 failures=0",
               "PRIORITY=6", "SYSLOG_FACILITY=10", program, "PAM_TOTP_USER=alice", "PAM_TOTP_SERVICE=door",
               "PAM_TOTP_RHOST=192.0.2.7", "PAM_TOTP_VERDICT=accepted", "PAM_TOTP_DEVICE=phone",
               "PAM_TOTP_DRIFT=0", "PAM_TOTP_FAILURES=0"}));
    assert_true(stage::take_log().empty());
}

void nobody_adds_a_field(void**) {
    const auto stage = enrolled_stage();
    stage::take_journal();
    try_to_log_in(*stage, "nonsense", "a host\nPAM_TOTP_VERDICT=accepted", "mallory\nPRIORITY=0");
    const auto messages = stage::take_journal();
    assert_true(messages.size() == 1);
    const auto lines = lines_of(messages[0]);
    assert_true(lines.contains("PAM_TOTP_RHOST=a%20host%0APAM_TOTP_VERDICT=accepted"));
    assert_true(lines.contains("PAM_TOTP_USER=-"));
    assert_true(lines.contains("PRIORITY=5"));
    assert_true(lines.contains("PAM_TOTP_VERDICT=refused"));
    assert_true(!lines.contains("PAM_TOTP_VERDICT=accepted"));
}

void audit_is_told_of_every_decision(void**) {
    const auto stage = enrolled_stage();
    stage::take_audit();
    const auto now = guest::start_of_time;
    try_to_log_in(*stage, stage::right_code(now));
    try_to_log_in(*stage, stage::wrong_code(now));
    try_to_log_in(*stage, stage::right_code(now), guest::home, "carol");
    try_to_log_in(*stage, stage::right_code(now), guest::home, "mallory");
    assert_true(stage::take_audit() ==
                std::vector<std::string>({"1100 PAM:totp alice " + std::to_string(PAM_SUCCESS),
                                          "1100 PAM:totp alice " + std::to_string(PAM_AUTH_ERR),
                                          "1100 PAM:totp carol " + std::to_string(PAM_AUTH_ERR),
                                          "1100 PAM:totp mallory " + std::to_string(PAM_USER_UNKNOWN)}));
}

/// What was typed there may be a password, whatever else is wrong.
void audit_is_told_no_name_that_nobody_has(void**) {
    for (const auto* options : {"", "nonsense", "engine=postgresql"}) {
        const stage::Stage stage(options);
        stage::set_clock(guest::start_of_time);
        for (const auto* code : {"123456", "", "\b\n\r\177INCORRECT"}) {
            stage::take_audit();
            try_to_log_in(stage, code, guest::home, "mallory");
            const auto records = stage::take_audit();
            claim(records ==
                      std::vector<std::string>({"1100 PAM:totp mallory " + std::to_string(PAM_USER_UNKNOWN)}),
                  std::string(options) + ": " + code);
        }
    }
}

void audit_is_not_told_of_who_is_not_asked(void**) {
    const stage::Stage stage("nullok");
    stage::set_clock(guest::start_of_time);
    stage::take_audit();
    try_to_log_in(stage, "123456");
    assert_true(stage::take_audit().empty());
}

}  // namespace

int main() {
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(journal_gets_each_word_as_a_field),
        cmocka_unit_test(nobody_adds_a_field),
        cmocka_unit_test(audit_is_told_of_every_decision),
        cmocka_unit_test(audit_is_told_no_name_that_nobody_has),
        cmocka_unit_test(audit_is_not_told_of_who_is_not_asked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
