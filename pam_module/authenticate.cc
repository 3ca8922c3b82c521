#include "pam_module/authenticate.h"

#include <ctime>
#include <optional>
#include <string>

#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <syslog.h>
#include <unistd.h>

#include "core/file_store.h"
#include "core/place.h"
#include "core/policy.h"
#include "core/verifier.h"
#include "pam_module/conversation.h"
#include "pam_module/outcome.h"

namespace totp {
namespace {

SettingsPlaces settings_places() {
    return {.vendor = PAM_TOTP_VENDOR_DIRECTORY,
            .administrator = PAM_TOTP_SETTINGS_DIRECTORY,
            .owner = geteuid()};
}

UnixTime current_time() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

std::string_view text_item(const pam_handle_t* pamh, int item) {
    const void* text = nullptr;
    if (pam_get_item(pamh, item, &text) != PAM_SUCCESS || text == nullptr) return "";
    return static_cast<const char*>(text);
}

/// The account as NSS spells it; nothing for a user it doesn't know.
std::optional<Account> account_of(pam_handle_t* pamh, const char* user) {
    const passwd* entry = pam_modutil_getpwnam(pamh, user);
    if (entry == nullptr || !record_name(entry->pw_name)) return std::nullopt;
    return Account{entry->pw_name, entry->pw_uid};
}

Place place_of(std::string_view remote_host) {
    return remote_host.empty() ? local_place(getuid()) : remote_place(remote_host);
}

/// Tells the log and the person, and gives libpam its code. `user` is empty where no account is known.
int answer(pam_handle_t* pamh, int flags, std::string_view user, const Outcome& outcome) {
    if (!outcome.explanation.empty()) pam_syslog(pamh, LOG_ERR, "%s", outcome.explanation.c_str());
    const auto line = log_line({user, text_item(pamh, PAM_SERVICE), text_item(pamh, PAM_RHOST)}, outcome);
    pam_syslog(pamh, log_priority(outcome.verdict), "%s", line.c_str());
    const auto message = message_for(outcome);
    if (!message.empty() && (flags & PAM_SILENT) == 0) tell(pamh, message);
    return pam_code(outcome.verdict);
}

/// One authentication: who it is about, and what is known of it so far.
class Login {
  public:
    Login(pam_handle_t* pamh, int flags, Settings settings)
        : pamh_(pamh), flags_(flags), settings_(std::move(settings)), store_(file_store_places(settings_)) {}

    int run();

  private:
    static FileStorePlaces file_store_places(const Settings& settings) {
        return {settings.store, settings.state_directory(), settings.key, geteuid()};
    }

    /// The outcome for an account that isn't even asked.
    std::optional<Outcome> outcome_without_asking();
    Outcome decide(std::string_view response);
    Outcome decide_held(HeldAccount& held, std::string_view response);
    void debug(const char* step) const {
        if (settings_.debug) pam_syslog(pamh_, LOG_DEBUG, "%s", step);
    }
    int answered(const Outcome& outcome) const {
        return answer(pamh_, flags_, account_ ? account_->name : "", outcome);
    }

    pam_handle_t* pamh_;
    int flags_;
    Settings settings_;
    FileStore store_;
    std::optional<Account> account_;
};

int Login::run() {
    const char* user = nullptr;
    if (const int code = pam_get_user(pamh_, &user, nullptr); code != PAM_SUCCESS) return code;
    account_ = account_of(pamh_, user);
    debug(account_ ? "the account is known" : "the account is not known");

    if (const auto outcome = outcome_without_asking()) return answered(*outcome);

    debug("asking for the code");
    const auto response = ask(pamh_, settings_.prompt, settings_.echo);
    if (!response) {
        pam_syslog(pamh_, LOG_NOTICE,
                   "the application didn't pass on the prompt for a code, or nobody answered");
        return PAM_CONV_ERR;
    }
    debug("deciding");
    return answered(decide(response->text()));
}

std::optional<Outcome> Login::outcome_without_asking() {
    if (!account_ || settings_.unenrolled == Unenrolled::refuse) return std::nullopt;
    const auto is_enrolled = store_.is_enrolled(*account_);
    if (!is_enrolled) return outcome_of(is_enrolled.failure());
    if (*is_enrolled) return std::nullopt;
    return Outcome{.verdict = Verdict::ignored, .reason = Reason::unenrolled};
}

Outcome Login::decide(std::string_view response) {
    if (!account_) return {.verdict = Verdict::refused, .reason = Reason::unknown_user};
    const bool may_start_anew = settings_.missing_state == MissingState::start_anew;
    const auto held = store_.hold(*account_, may_start_anew ? HoldFor::login_without_state : HoldFor::login);
    if (!held) return outcome_of(held.failure());
    if (!(*held)->enrolment()) return {.verdict = Verdict::refused, .reason = Reason::unenrolled};
    return decide_held(**held, response);
}

/// Commits first and reports second: a success that couldn't be written is a failure.
Outcome Login::decide_held(HeldAccount& held, std::string_view response) {
    const auto now = current_time();
    const auto& enrolment = *held.enrolment();
    auto state = held.state();
    if (settings_.missing_state == MissingState::start_anew) {
        state = with_lost_devices_restarted(std::move(state), enrolment, now);
    }
    const auto decision = verify(enrolment, state, settings_.policy,
                                 {.response = response,
                                  .password = text_item(pamh_, PAM_AUTHTOK),
                                  .place = place_of(text_item(pamh_, PAM_RHOST)),
                                  .now = now});
    if (decision.must_be_committed) {
        if (const auto committed = held.commit(decision.next); !committed)
            return outcome_of(committed.failure());
    }
    return outcome_of(decision, now);
}

}  // namespace

int authenticate(pam_handle_t* pamh, int flags, std::span<const char* const> arguments) {
    auto settings = settings_for_line(settings_places(), arguments);
    if (!settings) {
        const auto account = account_of(pamh, std::string(text_item(pamh, PAM_USER)).c_str());
        return answer(pamh, flags, account ? account->name : "", outcome_of(settings.failure()));
    }
    return Login(pamh, flags, *std::move(settings)).run();
}

}  // namespace totp
