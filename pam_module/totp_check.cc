// The helper for applications that aren't root: whether a response is right for whoever runs it, and for
// nobody else. Setgid; trusts nothing from its caller but the question on stdin (check_protocol).
#include <exception>
#include <memory>
#include <optional>

#include <pwd.h>
#include <syslog.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/file_store.h"
#include "core/lent_store.h"
#include "core/place.h"
#include "core/privilege.h"
#include "pam_module/check_protocol.h"
#include "pam_module/decide.h"

namespace {

using namespace totp;

constexpr const char* service = "totp_check";

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

std::optional<Account> caller() {
    const passwd* entry = getpwuid(getuid());
    if (entry == nullptr || !record_name(entry->pw_name)) return std::nullopt;
    return Account{entry->pw_name, entry->pw_uid};
}

void log(const std::optional<Account>& account, const Outcome& outcome) {
    if (!outcome.explanation.empty())
        syslog(LOG_ERR, "pam_totp(totp_check): %s", outcome.explanation.c_str());
    const auto line = log_line({account ? account->name : "", service, ""}, outcome);
    syslog(log_priority(outcome.verdict), "pam_totp(totp_check): %s", line.c_str());
}

Result<Settings> settings_of_this_machine() {
    auto settings = read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0});
    if (settings && getuid() != 0 && !can_borrow_group()) {
        return Failure{Trouble::store, std::string(PAM_TOTP_CHECK) +
                                           " isn't setgid _totp, or runs where that has no effect "
                                           "(no_new_privs, a nosuid mount, a user name space)"};
    }
    return settings;
}

Outcome outcome_for(const Account& account, const Settings& settings, Store& store,
                    const SecretBytes& response) {
    return decide(store, settings, account,
                  {.response = response.text(),
                   .password = "",
                   .place = local_place(getuid()),
                   .now = current_time(),
                   .makes_place_known = false,
                   .is_at_home = true},
                  Telling::nothing);
}

/// The answer to give; what is decided is logged before.
std::string answer_to(const Question& question) {
    const auto account = caller();
    const auto logged = [&](const Outcome& outcome) {
        log(account, outcome);
        return format_answer(outcome);
    };
    if (!account) return logged({.verdict = Verdict::refused, .reason = Reason::unknown_user});
    const auto settings = settings_of_this_machine();
    if (!settings) return logged(outcome_of(settings.failure()));
    LentStore store(std::make_unique<FileStore>(places_in(*settings, 0)));
    if (question.about == Question::About::response) {
        return logged(outcome_for(*account, *settings, store, question.response));
    }
    const auto is_enrolled = store.is_enrolled(*account);
    return is_enrolled ? format_answer(*is_enrolled) : logged(outcome_of(is_enrolled.failure()));
}

}  // namespace

int main() {
    if (!distrust_caller()) return 1;
    openlog(service, LOG_PID, LOG_AUTHPRIV);
    try {
        const auto question = read_question();
        if (!question) {
            syslog(LOG_NOTICE, "pam_totp(totp_check): whoever started it doesn't speak pam_totp's protocol");
            return 1;
        }
        return give(answer_to(*question)) ? 0 : 1;
    } catch (const std::exception& bug) {
        syslog(LOG_CRIT, "pam_totp(totp_check): internal error, nobody is let in: %s", bug.what());
        return 1;
    }
}
