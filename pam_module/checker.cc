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

void log(const std::string& log_name, int priority, const std::string& line) {
    syslog(priority, "pam_totp(%s): %s", log_name.c_str(), line.c_str());
}

void log_explanation(const std::string& log_name, const Outcome& outcome) {
    if (!outcome.explanation.empty()) log(log_name, LOG_ERR, outcome.explanation);
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

Result<Settings> settings_for(const Checker& checker) {
    constexpr uid_t root = 0;
    return checker.settings_file.empty()
               ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, root})
               : read_settings_file(checker.settings_file, root);
}

Answer answer_to(const Question& question, const Subject& subject, const Checker& checker) {
    const auto settings = settings_for(checker);
    if (!settings) return outcome_of(settings.failure());
    if (!subject.account && question.about == Question::About::enrolled)
        return Outcome{.verdict = Verdict::refused, .reason = Reason::unknown_user};
    return checker.answer(*settings, subject, question);
}

/// The text to give; what is decided is logged before.
std::string logged(const Answer& answer, const Subject& subject, const Checker& checker) {
    if (const auto* is_enrolled = std::get_if<bool>(&answer)) return format_answer(*is_enrolled);
    const auto& outcome = std::get<Outcome>(answer);
    if (checker.is_decision_logged) {
        log_outcome(checker.log_name, subject, outcome);
    } else {
        log_explanation(checker.log_name, outcome);
    }
    return format_answer(outcome);
}

/// As NSS has it, if it could have records.
std::optional<Account> account_of(const passwd* entry) {
    if (entry == nullptr || !record_name(entry->pw_name)) return std::nullopt;
    return Account{entry->pw_name, entry->pw_uid};
}

}  // namespace

Subject subject_of_claim(const Claim& claim, uid_t caller) {
    const auto& [user, service, remote_host] = claim;
    const auto place = remote_host.empty() ? local_place(caller) : remote_place(remote_host);
    return {account_of(getpwnam(user.c_str())), service, remote_host, place, false};
}

Subject subject_of_caller(const char* service) {
    return {account_of(getpwuid(getuid())), service, "", local_place(getuid()), true};
}

Failure without_group(Trouble trouble, const std::string& program) {
    return {trouble,
            program +
                " isn't setgid _totp, or runs where that has no effect (no_new_privs, a nosuid mount, a "
                "user name space)"};
}

void log_outcome(const std::string& log_name, const Subject& subject, const Outcome& outcome) {
    log_explanation(log_name, outcome);
    const auto user = subject.account ? subject.account->name : "";
    const auto line = log_line({user, subject.service, subject.remote_host}, outcome);
    const int priority = log_priority(outcome.verdict);
    if (!write_to_journal(priority, "pam_totp(" + log_name + "): ", line)) log(log_name, priority, line);
}

Answer answer_by_store(const char* program, const Result<std::unique_ptr<Store>>& store,
                       const Settings& settings, const Subject& subject, const Question& question) {
    if (settings.engine != Engine::files) {
        return outcome_of(
            Failure{Trouble::settings,
                    std::string(program) + " answers with engine = files alone: the settings have another"});
    }
    if (!store) return outcome_of(store.failure());
    if (question.about == Question::About::response) {
        return decide(**store, settings, subject.account, attempt_of(subject, question.response),
                      Telling::nothing);
    }
    const auto is_enrolled = (*store)->is_enrolled(*subject.account);
    return is_enrolled ? Answer(*is_enrolled) : outcome_of(is_enrolled.failure());
}

int answer_question(const Checker& checker) {
    openlog(checker.program, LOG_PID, LOG_AUTHPRIV);
    try {
        const auto question = read_question();
        const auto subject = question ? checker.subject_of(*question) : std::nullopt;
        if (!subject) {
            log(checker.log_name, LOG_NOTICE,
                question ? "whoever started it asks what it doesn't answer: totp_check is asked about its "
                           "caller's own account, totp_check_any with a claim"
                         : "whoever started it doesn't speak pam_totp's protocol");
            return 1;
        }
        return give(logged(answer_to(*question, *subject, checker), *subject, checker)) ? 0 : 1;
    } catch (const std::exception& bug) {
        syslog(LOG_CRIT, "pam_totp(%s): internal error, nobody is let in: %s", checker.program, bug.what());
        return 1;
    }
}

}  // namespace totp
