#include "pam_module/checker.h"

#include <exception>

#include <pwd.h>
#include <syslog.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "pam_module/decide.h"
#include "pam_module/journal.h"

namespace totp {
namespace {

std::optional<Question> read_question() {
    const Descriptor input(dup(STDIN_FILENO));
    SecretBytes text;
    if (!input || read_whole(input, longest_question, text) != 0 || text.size() > longest_question) {
        return std::nullopt;
    }
    return parse_question(text.text());
}

bool give(const std::string& answer) {
    return write(STDOUT_FILENO, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
}

void log(const Checker& checker, int priority, const std::string& line) {
    syslog(priority, "pam_totp(%s): %s", checker.log_name.c_str(), line.c_str());
}

void log(const Checker& checker, const Subject& subject, const Outcome& outcome) {
    if (!outcome.explanation.empty()) log(checker, LOG_ERR, outcome.explanation);
    const auto user = subject.account ? subject.account->name : "";
    const auto line = log_line({user, subject.service, subject.remote_host}, outcome);
    const int priority = log_priority(outcome.verdict);
    if (!write_to_journal(priority, "pam_totp(" + checker.log_name + "): ", line))
        log(checker, priority, line);
}

Attempt attempt_of(const Subject& subject, const SecretBytes& response) {
    return {.response = response.text(),
            .password = "",
            .place = subject.place,
            .interface_id = interface_id_of(subject.remote_host),
            .now = current_time(),
            .makes_place_known = !subject.is_at_home,
            .is_at_home = subject.is_at_home};
}

/// The answer to give; what is decided is logged before.
std::string answer_to(const Question& question, const Subject& subject, const Checker& checker) {
    const auto logged = [&](const Outcome& outcome) {
        log(checker, subject, outcome);
        return format_answer(outcome);
    };
    const auto settings = read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0});
    if (!settings) return logged(outcome_of(settings.failure()));
    const auto store = checker.open_store(*settings);
    if (!store) return logged(outcome_of(store.failure()));
    if (question.about == Question::About::response) {
        return logged(decide(**store, *settings, subject.account, attempt_of(subject, question.response),
                             Telling::nothing));
    }
    if (!subject.account) return logged({.verdict = Verdict::refused, .reason = Reason::unknown_user});
    const auto is_enrolled = (*store)->is_enrolled(*subject.account);
    return is_enrolled ? format_answer(*is_enrolled) : logged(outcome_of(is_enrolled.failure()));
}

std::optional<Account> account_of(const passwd* entry) {
    if (entry == nullptr || !record_name(entry->pw_name)) return std::nullopt;
    return Account{entry->pw_name, entry->pw_uid};
}

}  // namespace

std::optional<Account> account_named(const std::string& user) { return account_of(getpwnam(user.c_str())); }

std::optional<Account> account_numbered(uid_t uid) { return account_of(getpwuid(uid)); }

int answer_question(const Checker& checker) {
    openlog(checker.program, LOG_PID, LOG_AUTHPRIV);
    try {
        const auto question = read_question();
        const auto subject = question ? checker.subject_of(*question) : std::nullopt;
        if (!subject) {
            log(checker, LOG_NOTICE,
                question ? "whoever started it asks what it doesn't answer: totp_check is asked about its "
                           "caller's own account, totp_check_any with a claim"
                         : "whoever started it doesn't speak pam_totp's protocol");
            return 1;
        }
        return give(answer_to(*question, *subject, checker)) ? 0 : 1;
    } catch (const std::exception& bug) {
        syslog(LOG_CRIT, "pam_totp(%s): internal error, nobody is let in: %s", checker.program, bug.what());
        return 1;
    }
}

}  // namespace totp
