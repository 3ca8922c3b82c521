#include "pam_module/helper.h"

#include <cerrno>

#include <fcntl.h>
#include <pwd.h>
#include <security/pam_modutil.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/percent.h"
#include "pam_module/check_protocol.h"

namespace totp {
namespace {

Failure failure_of(const Program& helper, const std::string& what) {
    return {Trouble::store, std::string(helper.path) + " " + what};
}

Failure senseless(const Program& helper) {
    return failure_of(helper, "gives no answer that makes sense: is it of the same version?");
}

/// A helper that waited for an account in vain has to be able to say so.
constexpr int seconds_to_answer = static_cast<int>(longest_wait_for_a_lock.count()) + 3;

/// An answer, and who gave it.
struct Answer {
    Program helper;
    SecretBytes text;
};

Result<Answer> answer_by(const Program& helper, const Question& question) {
    auto text = answer_of(helper, format_question(question).text(), longest_answer);
    if (!text) return text.failure();
    return Answer{helper, *std::move(text)};
}

/// Whether a question without a claim is about this account: who asks is known there by their uid alone.
bool is_own(pam_handle_t* pamh, const std::optional<Account>& account) {
    if (!account || account->uid != getuid()) return false;
    const passwd* entry = pam_modutil_getpwuid(pamh, getuid());
    return entry != nullptr && account->name == entry->pw_name;
}

/// What is claimed of an account that isn't known stays out of the log: people type passwords there.
Result<Answer> answer_about_another(Question question, const std::optional<Account>& account,
                                    const Claim& claim) {
    const Program helper{.path = PAM_TOTP_CHECK_ANY, .seconds_to_answer = seconds_to_answer};
    if (faccessat(AT_FDCWD, helper.path, X_OK, AT_EACCESS) != 0) {
        const auto reason = because_of(errno);
        return failure_of(helper, "can't be run by uid " + std::to_string(getuid()) + reason +
                                      "; totp_check answers for its caller alone, who isn't " +
                                      (account ? printable(account->name) : "the user asked about") +
                                      ": add the account of a service that checks others to the group "
                                      "_totp_verifier, and start the service anew");
    }
    question.claim = claim;
    if (!is_possible(claim)) return failure_of(helper, "takes no claim like this: a word of it is too long");
    return answer_by(helper, question);
}

/// By settings of its own: of the module's it is told no more than which file they were in.
Result<Answer> answer_by_postgresql(pam_handle_t* pamh, const Settings& settings, Question question,
                                    const std::optional<Account>& account, const Claim& claim) {
    Program helper{.path = PAM_TOTP_CHECK_POSTGRESQL, .seconds_to_answer = settings.database.deadline + 1};
    const bool is_root = geteuid() == 0;
    if (!is_root && !is_own(pamh, account))
        return failure_of(helper, "answers root alone about others than its caller");
    if (faccessat(AT_FDCWD, helper.path, X_OK, AT_EACCESS) != 0) {
        return failure_of(helper, "can't be run" + because_of(errno) +
                                      ": engine = postgresql needs the package libpam-totp-postgresql");
    }
    if (!is_root) return answer_by(helper, question);
    if (!is_possible(claim)) return failure_of(helper, "takes no claim like this: a word of it is too long");
    if (!settings.file.empty()) helper.arguments.push_back(settings.file);
    question.claim = claim;
    return answer_by(helper, question);
}

Result<Answer> asked(pam_handle_t* pamh, const Settings& settings, const std::optional<Account>& account,
                     const Claim& claim, const Question& question) {
    if (settings.engine == Engine::postgresql)
        return answer_by_postgresql(pamh, settings, question, account, claim);
    if (!is_own(pamh, account)) return answer_about_another(question, account, claim);
    return answer_by({.path = PAM_TOTP_CHECK, .seconds_to_answer = seconds_to_answer}, question);
}

}  // namespace

bool needs_helper(const Settings& settings) {
    if (settings.engine != Engine::files) return true;
    return geteuid() != 0 && faccessat(AT_FDCWD, settings.store.c_str(), X_OK, AT_EACCESS) != 0 &&
           errno == EACCES;
}

Result<bool> is_enrolled_by_helper(pam_handle_t* pamh, const Settings& settings, const Account& account,
                                   const Claim& claim) {
    const auto answer = asked(pamh, settings, account, claim, {Question::About::enrolled, {}, {}});
    if (!answer) return answer.failure();
    if (const auto is_enrolled = parse_enrolled(answer->text.text())) return *is_enrolled;
    if (parse_outcome(answer->text.text())) {
        return failure_of(answer->helper, "can't tell who is enrolled: its line in the log says why");
    }
    return senseless(answer->helper);
}

Outcome check_by_helper(pam_handle_t* pamh, const Settings& settings, const std::optional<Account>& account,
                        const Claim& claim, const SecretBytes& response) {
    const auto answer = asked(pamh, settings, account, claim, {Question::About::response, response, {}});
    if (!answer) return outcome_of(answer.failure());
    auto outcome = parse_outcome(answer->text.text());
    if (!outcome) return outcome_of(senseless(answer->helper));
    if (!account && is_let_in(*outcome)) return {.verdict = Verdict::refused, .reason = Reason::unknown_user};
    outcome->is_by_helper = true;
    outcome->is_logged = settings.engine == Engine::files || geteuid() != 0;
    return *outcome;
}

}  // namespace totp
