#include "pam_module/helper.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "core/child_process.h"
#include "pam_module/check_protocol.h"

namespace totp {
namespace {

constexpr Program helper = {.path = PAM_TOTP_CHECK, .argument = nullptr};

Failure failure_of_helper(const std::string& what) {
    return {Trouble::store, std::string(PAM_TOTP_CHECK) + " " + what};
}

Result<SecretBytes> asked(const Account& account, const Question& question) {
    if (account.uid != getuid()) {
        return failure_of_helper("answers for its caller alone, and this process isn't " + account.name +
                                 "'s: let a service that checks others run as root");
    }
    return answer_of(helper, format_question(question).text(), longest_answer);
}

}  // namespace

bool needs_helper(const Settings& settings) {
    return geteuid() != 0 && faccessat(AT_FDCWD, settings.store.c_str(), X_OK, AT_EACCESS) != 0 &&
           errno == EACCES;
}

Result<bool> is_enrolled_by_helper(const Account& account) {
    const auto answer = asked(account, {Question::About::enrolled, {}});
    if (!answer) return answer.failure();
    if (const auto is_enrolled = parse_enrolled(answer->text())) return *is_enrolled;
    if (parse_outcome(answer->text())) {
        return failure_of_helper("can't tell who is enrolled: its line in the log says why");
    }
    return failure_of_helper("gives no answer that makes sense: is it of the same version?");
}

Outcome check_by_helper(const Account& account, const SecretBytes& response) {
    const auto answer = asked(account, {Question::About::response, response});
    if (!answer) return outcome_of(answer.failure());
    if (auto outcome = parse_outcome(answer->text())) {
        outcome->is_logged = true;
        return *outcome;
    }
    return outcome_of(failure_of_helper("gives no answer that makes sense: is it of the same version?"));
}

}  // namespace totp
