#include "pam_module/authenticate.h"

#include <optional>
#include <string>

#include <security/pam_ext.h>
#include <syslog.h>
#include <unistd.h>

#include "core/file_store.h"
#include "core/one_field.h"
#include "core/policy.h"
#include "core/verifier.h"
#include "pam_module/advice.h"
#include "pam_module/break_glass.h"
#include "pam_module/conversation.h"
#include "pam_module/decide.h"
#include "pam_module/enrol_at_login.h"
#include "pam_module/first_pass.h"
#include "pam_module/helper.h"
#include "pam_module/log.h"
#include "pam_module/outcome.h"
#include "pam_module/request.h"
#include "pam_module/transaction.h"

namespace totp {
namespace {

constexpr std::size_t longest_response = 512;  // that a helper is asked about; no code has as many bytes

/// Tells the log and the person, and gives libpam its code. `user` is empty where no account is known.
int answer(pam_handle_t* pamh, int flags, std::string_view user, const Outcome& outcome) {
    if (outcome.is_logged) {
        log_explanation(pamh, outcome);
    } else {
        log_decision(pamh, user, outcome);
    }
    if ((flags & PAM_SILENT) == 0) {
        if (const auto message = message_for(outcome); !message.empty()) tell_error(pamh, message);
        for (const auto& notice : outcome.notices) tell(pamh, notice);
    }
    return pam_code(outcome.verdict);
}

/// One authentication: who it is about, and what is known of it so far.
class Login {
  public:
    Login(pam_handle_t* pamh, int flags, Settings settings)
        : pamh_(pamh),
          flags_(flags),
          settings_(std::move(settings)),
          store_(places_in(settings_, geteuid())),
          needs_helper_(needs_helper(settings_)) {}

    int run();

  private:
    /// The outcome for an account that isn't even asked. Who has break-glass is asked also where it can't be
    /// told whether they are enrolled.
    std::optional<Outcome> outcome_without_asking();
    bool needs_no_code(const std::optional<SecretBytes>& field);
    /// `field`: where the response stands in one with the password. Nothing where nobody answered.
    std::optional<Outcome> outcome_of_asking(const std::optional<SecretBytes>& field);
    std::optional<SecretBytes> code_asked_for() const;
    int nobody_answered() const;
    /// `is_one_field`: the response is the password with the code behind it.
    Outcome outcome_of_response(const SecretBytes& response, bool is_one_field);
    Outcome outcome_by_helper(const Attempt& attempt);
    Result<bool> is_enrolled() {
        return needs_helper_ ? is_enrolled_by_helper(pamh_, settings_, *account_, claim())
                             : store_.is_enrolled(*account_);
    }
    Claim claim() const {
        return {account_ ? account_->name : std::string(text_item(pamh_, PAM_USER)),
                std::string(text_item(pamh_, PAM_SERVICE)), std::string(text_item(pamh_, PAM_RHOST))};
    }
    void debug(const char* step) const {
        if (settings_.debug) pam_syslog(pamh_, LOG_DEBUG, "%s", step);
    }
    int answered(const Outcome& outcome) const;
    int answered_without_asking(const Outcome& outcome) const;

    pam_handle_t* pamh_;
    int flags_;
    Settings settings_;
    FileStore store_;
    bool needs_helper_;
    std::optional<Account> account_;
};

int Login::run() {
    if (!settings_.once) forget_passed(pamh_);
    const char* user = nullptr;
    if (const int code = get_user(pamh_, user); code != PAM_SUCCESS) return code;
    account_ = account_of(pamh_, user);
    if (!settings_.once) forget_enrolment_of_others(pamh_, account_ ? account_->name : user);
    debug(account_ ? "the account is known" : "the account is not known");

    if (!ask_for_field(pamh_, settings_)) return nobody_answered();
    if (const auto outcome = outcome_without_asking()) return answered_without_asking(*outcome);

    const auto field = field_to_split(pamh_, settings_);
    const auto outcome = needs_no_code(field) ? outcome_of_remembered_host() : outcome_of_asking(field);
    if (!outcome) return nobody_answered();
    // A line with `once` must not pass by what it noted itself, when the handle is used again.
    if (is_let_in(*outcome) && !settings_.once && !note_passed(pamh_, account_->name)) {
        debug("another line with `once` will ask again");
    }
    return answered(*outcome);
}

/// A code behind the password is looked at all the same: it is no part of the password.
bool Login::needs_no_code(const std::optional<SecretBytes>& field) {
    if (!account_ || needs_helper_ || (field && ends_like_code(field->text()))) return false;
    return is_remembered(store_, settings_, *account_, text_item(pamh_, PAM_RHOST));
}

std::optional<Outcome> Login::outcome_of_asking(const std::optional<SecretBytes>& field) {
    const auto response = field ? field : code_asked_for();
    if (!response) return std::nullopt;
    debug("deciding");
    auto outcome = outcome_of_response(*response, field.has_value());
    if (outcome.explanation.empty())
        outcome.explanation = advice_for(outcome.reason, text_item(pamh_, PAM_SERVICE));
    if (field) hand_on(pamh_, *field, outcome);
    return outcome;
}

std::optional<SecretBytes> Login::code_asked_for() const {
    debug("asking for the code");
    return ask(pamh_, settings_.prompt_for_code(), settings_.echo);
}

int Login::nobody_answered() const {
    pam_syslog(pamh_, LOG_NOTICE, "the application didn't pass on the prompt for a code, or nobody answered");
    log_words(pamh_, LOG_NOTICE, "auth", account_ ? account_->name : "", "prompt=unanswered");
    return PAM_CONV_ERR;
}

/// With `once` the application learns of it too. What another line had to say of an enrolment stands until a
/// code is right.
int Login::answered(const Outcome& outcome) const {
    if (is_let_in(outcome)) forget_enrolment(pamh_);
    if (is_let_in(outcome) && settings_.once && !tell_passed(pamh_, account_->name)) {
        debug("libpam can't tell the application");
    }
    return answer(pamh_, flags_, account_ ? account_->name : "", outcome);
}

/// A field that couldn't be looked at goes no further.
int Login::answered_without_asking(const Outcome& outcome) const {
    if (outcome.verdict == Verdict::unavailable) {
        if (const auto field = field_to_split(pamh_, settings_)) hand_on(pamh_, *field, outcome);
    }
    return answered(outcome);
}

std::optional<Outcome> Login::outcome_without_asking() {
    if (account_ && settings_.once && has_passed(pamh_, account_->name)) {
        debug("the account has passed on another line");
        return outcome_of_passing_before();
    }
    const auto unenrolled = unenrolled_at(settings_, current_time());
    if (!account_ || unenrolled == Unenrolled::refuse) return std::nullopt;
    const auto enrolled = is_enrolled();
    if (!enrolled && has_break_glass(settings_, account_)) return std::nullopt;
    if (!enrolled) return outcome_of(enrolled.failure());
    if (*enrolled) return std::nullopt;
    if (unenrolled == Unenrolled::enrol && !expect_enrolment(pamh_, settings_, *account_))
        return Outcome{.verdict = Verdict::unavailable};
    return Outcome{.verdict = Verdict::ignored, .reason = Reason::unenrolled};
}

Outcome Login::outcome_of_response(const SecretBytes& response, bool is_one_field) {
    const Attempt attempt{.response = response.text(),
                          .password = is_one_field ? "" : text_item(pamh_, PAM_AUTHTOK),
                          .place = place_of(pamh_),
                          .interface_id = interface_id_of(text_item(pamh_, PAM_RHOST)),
                          .now = current_time(),
                          .makes_place_known = !is_one_field || settings_.policy.remember == 0,
                          .is_one_field = is_one_field};
    if (needs_helper_) return outcome_by_helper(attempt);
    const bool tells = !settings_.quiet && !is_one_field && (flags_ & PAM_SILENT) == 0;
    return decide(store_, settings_, account_, attempt, tells ? Telling::notices : Telling::nothing);
}

/// The helper is told neither the password nor one field: so here is found out what is no code.
Outcome Login::outcome_by_helper(const Attempt& attempt) {
    if (const auto reason = reason_not_to_count(attempt))
        return {.verdict = Verdict::refused, .reason = *reason};
    const auto split =
        attempt.is_one_field ? obvious_split(attempt.response) : std::optional(Split{"", attempt.response});
    Outcome malformed{.verdict = Verdict::refused, .reason = Reason::malformed};
    if (!split && ends_like_code(attempt.response))
        malformed.explanation = advice_about_digits(settings_.engine);
    if (!split || split->code.size() > longest_response) return malformed;
    auto outcome = check_by_helper(pamh_, settings_, account_, claim(), SecretBytes(split->code));
    if (attempt.is_one_field && outcome.reason == Reason::malformed && may_be_shorter(*split))
        outcome.explanation = advice_about_digits(settings_.engine);
    if (opens_break_glass(outcome)) {
        auto alone = attempt;
        alone.response = split->code;
        alone.is_one_field = false;
        outcome = by_break_glass(std::move(outcome), store_, settings_, account_, alone);
    }
    outcome.password_size = split->password.size();
    return outcome;
}

}  // namespace

int authenticate(pam_handle_t* pamh, int flags, std::span<const char* const> arguments) {
    auto settings = settings_for_line(settings_places(), arguments);
    if (!settings) {
        const auto account = account_of(pamh, std::string(text_item(pamh, PAM_USER)).c_str());
        const auto outcome = outcome_of(settings.failure());
        if (takes_one_field(arguments)) hand_on(pamh, SecretBytes(text_item(pamh, PAM_AUTHTOK)), outcome);
        return answer(pamh, flags, account ? account->name : "", outcome);
    }
    return Login(pamh, flags, *std::move(settings)).run();
}

}  // namespace totp
