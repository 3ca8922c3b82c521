// The helper that asks the database of a fleet. Root's processes ask about whom they claim (check_protocol),
// all others about their own account alone: for them it is setgid, so that it can read the host's private
// key. Trusts nothing from its caller but the question on stdin.
//
//     totp_check_postgresql [FILE]    FILE: a settings file in place of those at their places, for root alone
#include <cstdlib>

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "core/privilege.h"
#include "pam_module/checker.h"
#include "pam_module/fleet/identity.h"
#include "pam_module/fleet/inquiry.h"
#include "pam_module/fleet/postgresql.h"

namespace {

using namespace totp;

constexpr const char* program = "totp_check_postgresql";
constexpr unsigned seconds_to_end = 40;  // more than any deadline may be

/// Setuid it would be root's for everybody, and a claim anybody's. su's helper looks the same but for its
/// file.
bool is_setuid() {
    struct stat status {};
    return stat("/proc/self/exe", &status) != 0 || (status.st_mode & S_ISUID) != 0;
}

/// Who isn't known here was asked about as nobody, so as to be refused as slowly.
Answer of_nobody(const Answer& said) {
    const auto* outcome = std::get_if<Outcome>(&said);
    const bool is_unavailable = outcome != nullptr && outcome->verdict == Verdict::unavailable;
    return is_unavailable ? *outcome : Outcome{.verdict = Verdict::refused, .reason = Reason::unknown_user};
}

Answer answer(const Settings& settings, const Subject& subject, const Question& question) {
    const Deadline deadline(std::chrono::seconds(settings.database.deadline));
    const auto database = for_host(settings.database);
    if (!database) return outcome_of(database.failure());
    const auto inquiry = inquiry_about(subject, question);
    if (!inquiry) return outcome_of(inquiry.failure());
    Postgresql connections(*database, deadline);
    const auto said = answer_by(connections, *inquiry);
    return subject.account ? said : of_nobody(said);
}

/// As answer(), with the group that may read the private key.
Answer answer_with_group(const Settings& settings, const Subject& subject, const Question& question) {
    if (!can_borrow_group()) return outcome_of(without_group(Trouble::key, PAM_TOTP_CHECK_POSTGRESQL));
    const BorrowedGroup group;
    return answer(settings, subject, question);
}

}  // namespace

int main(int count, char** words) {
    const bool is_root = geteuid() == 0;
    const auto caller = find_caller();
    const bool is_started_right = !is_setuid() && count <= (is_root ? 2 : 1);
    if (!is_started_right || !(is_root ? distrust_caller_as_root() : distrust_caller())) {
        syslog(LOG_AUTHPRIV | LOG_ERR, "pam_totp(%s): can't run like this: it must be root:_totp 2755",
               program);
        return 1;
    }
    clearenv();
    alarm(seconds_to_end);
    const auto subject_of = [&](const Question& question) -> std::optional<Subject> {
        if (is_root != question.claim.has_value()) return std::nullopt;
        return is_root ? subject_of_claim(*question.claim, caller.uid) : subject_of_caller(service_at_home);
    };
    return answer_question({.program = program,
                            .log_name = program,
                            .settings_file = count == 2 ? words[1] : "",
                            .is_decision_logged = !is_root,
                            .subject_of = subject_of,
                            .answer = is_root ? answer : answer_with_group});
}
