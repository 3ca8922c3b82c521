#include "pam_module/enrol_at_login.h"

#include <string>
#include <vector>

#include <security/pam_ext.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base32.h"
#include "core/child_process.h"
#include "core/confirmation.h"
#include "core/file_store.h"
#include "core/host_name.h"
#include "core/known_places.h"
#include "core/percent.h"
#include "core/random.h"
#include "core/recovery.h"
#include "pam_module/conversation.h"
#include "pam_module/decide.h"
#include "pam_module/helper.h"
#include "pam_module/log.h"
#include "pam_module/outcome.h"
#include "pam_module/request.h"
#include "pam_module/transaction.h"

namespace totp {
namespace {

constexpr UnixTime time_limit = 300;
constexpr UnixTime seconds_of_a_day = 86'400;
constexpr std::size_t longest_picture = 65'536;
constexpr const char* device_name = "phone";
constexpr std::string_view margin = "    ";

/// Whether a picture made of characters can be seen: not on a page or a graphical screen, whose PAM_TTY is
/// unset or a display (pam_set_item(3)).
bool is_at_terminal(const pam_handle_t* pamh) {
    const auto terminal = text_item(pamh, PAM_TTY);
    return !terminal.empty() && terminal.find(':') == std::string_view::npos;
}

/// Why an enrolment came to nothing: a word for the log, a sentence for the person.
struct Unfinished {
    std::string_view reason;
    Sentence sentence;
};

/// What has come in between where Trouble::input is all that save() says.
Unfinished enrolled_meanwhile() {
    return {"meanwhile", tr("You have been enrolled meanwhile: log in again.")};
}

Sentence question() { return tr("Code that the app shows now: "); }

/// One account's enrolment at one login.
class EnrolmentAtLogin {
  public:
    EnrolmentAtLogin(pam_handle_t* pamh, const Settings& settings, Account account)
        : pamh_(pamh),
          settings_(settings),
          account_(std::move(account)),
          store_(places_in(settings, geteuid())) {}

    int run();

  private:
    int unavailable(const Failure& failure) const;
    int unfinished(const Unfinished& why) const;

    /// The device to show: the one that was shown here a moment ago, or a new one.
    Result<PendingDevice> device_to_show();
    /// What a person needs for their app, and the question for its first code.
    SecretBytes page_of(const Device& device) const;
    /// Empty where none is wanted, can be shown or can be drawn.
    SecretBytes picture_of(const Device& device) const;
    /// The login state to begin with, or what came in between.
    std::variant<LoginState, Unfinished> confirmed(const Device& device);
    /// The recovery codes, once all is on disk.
    Result<std::vector<SecretBytes>> save(const Device& device, const LoginState& state);
    void hand_over(const std::vector<SecretBytes>& codes) const;

    /// In a prompt: a message with nothing after it is shown by sshd to nobody, and wiped by login. Whether
    /// it is answered changes nothing.
    void say_last(const Sentence& sentence) const {
        static_cast<void>(ask(pamh_, tr("\n%1 Press Enter: ", {sentence}), false));
    }
    void log(int priority, const std::string& words) const {
        log_words(pamh_, priority, "account", account_.name, words);
    }

    pam_handle_t* pamh_;
    const Settings& settings_;
    Account account_;
    FileStore store_;
    Place place_ = place_of(pamh_);
    UnixTime begin_ = current_time();
    Sentence earlier_;  ///< what to know of a key that was shown before; may be empty
};

int EnrolmentAtLogin::run() {
    if (needs_helper(settings_)) {
        return unfinished(
            {"not_root", tr("This program can't enrol you: run totp-enroll in a terminal first.")});
    }
    const auto is_enrolled = store_.is_enrolled(account_);
    if (!is_enrolled) return unavailable(is_enrolled.failure());
    if (*is_enrolled) return unfinished(enrolled_meanwhile());
    const auto pending = device_to_show();
    if (!pending) return unavailable(pending.failure());
    const auto outcome = confirmed(pending->device);
    if (const auto* why = std::get_if<Unfinished>(&outcome)) return unfinished(*why);
    const auto codes = save(pending->device, std::get<LoginState>(outcome));
    if (!codes && codes.failure().trouble == Trouble::input) return unfinished(enrolled_meanwhile());
    if (!codes) return unavailable(codes.failure());
    forget_enrolment(pamh_);
    log(LOG_NOTICE, "change=device_added " + log_word("device", pending->device.name));
    hand_over(*codes);
    return PAM_SUCCESS;
}

int EnrolmentAtLogin::unavailable(const Failure& failure) const {
    const auto outcome = outcome_of(failure);
    pam_syslog(pamh_, LOG_ERR, "%s", failure.message.english().c_str());
    log(LOG_ERR, "enrolment=unavailable " + log_word("reason", word_for(outcome.reason)));
    say_last(tr("You can't be enrolled now. The administrator finds the reason in the system log."));
    return pam_code(outcome.verdict);
}

int EnrolmentAtLogin::unfinished(const Unfinished& why) const {
    log(LOG_NOTICE, "enrolment=unfinished " + log_word("reason", why.reason));
    if (!why.sentence.empty()) say_last(why.sentence);
    return PAM_PERM_DENIED;
}

Result<PendingDevice> EnrolmentAtLogin::device_to_show() {
    auto earlier = store_.pending(account_);
    if (!earlier) return earlier.failure();
    if (*earlier && may_be_shown_again(**earlier, place_, begin_)) {
        earlier_ =
            tr("This key was shown here already, on %1. If that wasn't you, somebody knows your password.\n",
               {moment((*earlier)->shown)});
        return **std::move(earlier);
    }
    if (*earlier) {
        earlier_ =
            tr("Another key was shown on %1, to %2; it is void. If that wasn't you, somebody knows your "
               "password.\n",
               {moment((*earlier)->shown), (*earlier)->place});
    }
    auto secret = random_bytes(recommended_secret_size(Algorithm::sha1));
    if (!secret) return secret.failure();
    PendingDevice pending{Device(device_name, {.secret = *std::move(secret)}), begin_, place_};
    if (auto kept = store_.keep_pending(account_, pending); !kept) return kept.failure();
    return pending;
}

/// Begins with a new line: what asks may put something before it, as ssh does.
SecretBytes EnrolmentAtLogin::page_of(const Device& device) const {
    const auto picture = picture_of(device);
    const auto parameters = parameters_of(device.credential);
    SecretBytes text("\n" + earlier_.translated());
    text.append(
        (picture.empty()
             ? tr("This machine asks for a one-time code from now on. Type this key into an "
                  "authenticator app\n"
                  "on your phone (%1):\n\n",
                  {parameters})
             : tr("This machine asks for a one-time code from now on. Scan this with an authenticator app\n"
                  "on your phone, or type in the key (%1):\n\n",
                  {parameters}))
            .translated());
    text.append(margin);
    text.append(in_groups_of_four(base32_encode(device.credential.secret.octets())).text());
    text.append("\n\n");
    text.append(picture.text());
    text.append(question().translated());
    return text;
}

SecretBytes EnrolmentAtLogin::picture_of(const Device& device) const {
    if (settings_.enrol_qr == "none" || !is_at_terminal(pamh_)) return {};
    SecretBytes request(settings_.enrol_qr + "\n");
    request.append(
        format_key_uri({device.credential, host_name(), account_.name}, UriParameters::not_default).text());
    auto picture = answer_of({.path = PAM_TOTP_DRAW}, request.text(), longest_picture);
    if (!picture) {
        pam_syslog(pamh_, LOG_WARNING, "the key is shown without its QR code: %s",
                   picture.failure().message.english().c_str());
        return {};
    }
    return *std::move(picture);
}

std::variant<LoginState, Unfinished> EnrolmentAtLogin::confirmed(const Device& device) {
    Confirmation confirmation(device, settings_.policy, place_);
    // The key is part of a prompt, never a message: Cockpit writes messages to the journal.
    auto prompt = page_of(device);
    while (confirmation.has_tries_left()) {
        const auto code = ask(pamh_, prompt, settings_.echo);
        if (!code) return Unfinished{"cancelled", {}};
        const auto now = current_time();
        if (now - begin_ > time_limit || now < begin_) {
            return Unfinished{"late", tr("That took too long, and nothing was enrolled. Log in again.")};
        }
        if (auto state = confirmation.take(*code, now)) return *std::move(state);
        if (confirmation.has_tries_left()) tell_error(pamh_, tr("No: %1.", {confirmation.explanation()}));
        prompt = SecretBytes(question().translated());
    }
    return Unfinished{
        "wrong", tr("No: %1. Nothing was enrolled. Log in again; for ten minutes the key stays the same.",
                    {confirmation.explanation()})};
}

Result<std::vector<SecretBytes>> EnrolmentAtLogin::save(const Device& device, const LoginState& state) {
    const auto held = store_.hold(account_, HoldFor::change);
    if (!held) return held.failure();
    if ((*held)->enrolment()) return Failure{Trouble::input, "enrolled meanwhile"};
    auto set = new_recovery_codes(usual_recovery_codes);
    if (!set) return set.failure();
    const Enrolment enrolment{.devices = {device}, .recovery = std::move(set->hashes)};
    auto next = without_strangers((*held)->state(), {});
    next.devices = state.devices;
    make_known(next, {place_, current_time(), interface_id_of(text_item(pamh_, PAM_RHOST))});
    if (auto enrolled = (*held)->enrol(enrolment, std::move(next)); !enrolled) return enrolled.failure();
    return std::move(set->codes);
}

/// In a prompt, as say_last().
void EnrolmentAtLogin::hand_over(const std::vector<SecretBytes>& codes) const {
    SecretBytes text(
        tr("\nYou are enrolled. From now on the code is asked at every login.\n\n"
           "Recovery codes, each good for one login without the phone. They are not shown again:\n\n")
            .translated());
    for (const auto& code : codes) {
        text.append(margin);
        text.append(code.text());
        text.append("\n");
    }
    text.append(tr("\nPress Enter once you have written them down: ").translated());
    static_cast<void>(ask(pamh_, text, false));
}

/// In whole days, rounded up.
Sentence announcement(UnixTime begin, UnixTime now) {
    const auto days = (begin - now + seconds_of_a_day - 1) / seconds_of_a_day;
    return tr_n("In %1 day this machine begins to ask for a one-time code. Run totp-enroll before.",
                "In %1 days this machine begins to ask for a one-time code. Run totp-enroll before.", days);
}

bool is_owed(const Settings& settings, UnixTime now) {
    return !settings.enrol_by || *settings.enrol_by <= now;
}

/// A stack without a first factor lets anyone enrol who asks: what can be seen of it from here.
void warn_without_first_factor(pam_handle_t* pamh) {
    if (!text_item(pamh, PAM_AUTHTOK).empty() || pam_getenv(pamh, "SSH_AUTH_INFO_0") != nullptr) return;
    pam_syslog(pamh, LOG_WARNING,
               "neither a password nor a key came before this line, on which people enrol: make sure that "
               "another line of the stack asks for one, best before this (see pam_totp(8))");
}

/// The user of the application isn't who came by the auth line: a module has changed the name, or who it is
/// can't be told any more. What is owed no other name pays.
int answer_to_another(pam_handle_t* pamh, const std::string& expected) {
    if (!is_enrolment_owed(pamh)) return PAM_IGNORE;
    pam_syslog(pamh, LOG_ERR,
               "an enrolment is owed by %s, but the account phase is about another user, or one who isn't "
               "known: nobody gets in; a module that changes the user's name belongs before the line \"auth "
               "required pam_totp.so\"",
               printable(expected).c_str());
    return PAM_PERM_DENIED;
}

/// totp-enroll, which enrols whoever runs it and begins no session: an enrolment that is owed keeps nobody
/// from it.
bool enrols_itself(pam_handle_t* pamh, const Settings& settings) {
    return text_item(pamh, PAM_SERVICE) == "totp-enroll" && needs_helper(settings);
}

}  // namespace

bool expect_enrolment(pam_handle_t* pamh, const Settings& settings, const Account& account) {
    warn_without_first_factor(pamh);
    return note_enrolment(pamh, account.name, is_owed(settings, current_time()));
}

int enrol_at_login(pam_handle_t* pamh, int flags, std::span<const char* const> arguments) {
    const auto expected = user_to_enrol(pamh);
    if (!expected) return PAM_IGNORE;
    const auto account = account_of(pamh, std::string(text_item(pamh, PAM_USER)).c_str());
    if (!account || account->name != *expected) return answer_to_another(pamh, *expected);
    const auto settings = settings_for_line(settings_places(), arguments);
    if (!settings) {
        pam_syslog(pamh, LOG_ERR, "%s", settings.failure().message.english().c_str());
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (enrols_itself(pamh, *settings)) return PAM_IGNORE;
    const auto now = current_time();
    if (!is_enrolment_owed(pamh) && !is_owed(*settings, now)) {
        if (!settings->quiet && (flags & PAM_SILENT) == 0) {
            tell(pamh, announcement(*settings->enrol_by, now));
        }
        return PAM_IGNORE;
    }
    // With PAM_SILENT too, which sudo always sets here: without these words nobody can enrol.
    return EnrolmentAtLogin(pamh, *settings, *account).run();
}

int guard_credentials(pam_handle_t* pamh) {
    if (!is_enrolment_owed(pamh)) return PAM_SUCCESS;
    pam_syslog(pamh, LOG_ERR,
               "an enrolment is owed and the account phase didn't see to it: nobody gets in; put the line "
               "\"account required pam_totp.so\" into this service, before those that may end its account "
               "phase (see pam_totp(8))");
    return PAM_INCOMPLETE;
}

}  // namespace totp
