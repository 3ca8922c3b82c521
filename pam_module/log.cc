#include "pam_module/log.h"

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "core/percent.h"
#include "pam_module/journal.h"
#include "pam_module/request.h"

namespace totp {
namespace {

/// As pam_unix does: op=PAM:totp, with user, host and terminal. libpam keeps quiet where the system has no
/// audit, or this process may not write to it; and it leaves the name out of PAM_USER_UNKNOWN.
void audit(pam_handle_t* pamh, bool is_somebody, const Outcome& outcome) {
    constexpr int user_authentication = 1100;  // AUDIT_USER_AUTH of libaudit
    if (outcome.verdict == Verdict::ignored) return;
    pam_modutil_audit_write(pamh, user_authentication, "totp",
                            is_somebody ? pam_code(outcome.verdict) : PAM_USER_UNKNOWN);
}

}  // namespace

void log_words(pam_handle_t* pamh, int priority, const char* phase, std::string_view user,
               std::string_view words) {
    const auto service = text_item(pamh, PAM_SERVICE);
    auto line = words_of({user, service, text_item(pamh, PAM_RHOST)});
    line.append(" ").append(words);
    const auto prefix = "pam_totp(" + printable(service) + ":" + phase + "): ";  // pam_syslog's
    if (!write_to_journal(priority, prefix, line)) pam_syslog(pamh, priority, "%s", line.c_str());
}

void log_explanation(pam_handle_t* pamh, const Outcome& outcome) {
    if (outcome.explanation.empty()) return;
    pam_syslog(pamh, log_priority(outcome.verdict), "%s", outcome.explanation.c_str());
}

void log_decision(pam_handle_t* pamh, std::string_view user, const Outcome& outcome) {
    log_explanation(pamh, outcome);
    log_words(pamh, log_priority(outcome.verdict), "auth", user, words_of(outcome));
    audit(pamh, !user.empty(), outcome);
}

}  // namespace totp
