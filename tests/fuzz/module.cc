// The whole module, driven by a script: whatever is set, answered, said by the helper or fails, nobody gets
// in without a right code that is spent by it, or what the line's arguments let pass for one; and nothing is
// thrown, returned or logged that isn't meant to be.
//
// A script is lines of one letter and a text:
//
//     a TEXT    one more argument for the line; alone: none from here on
//     u s h p   PAM_USER, PAM_SERVICE, PAM_RHOST, PAM_AUTHTOK; alone: not set
//     e NAME    an environment variable of the transaction
//     > TEXT    the next answer
//     0 !       the next prompt isn't answered: with PAM_SUCCESS, with PAM_CONV_ERR
//     ? TEXT    the next prompt is answered, with PAM_CONV_ERR
//     w N t N   N seconds pass before the next answer, now
//     f N       the Nth call of PAM from here fails
//     H TEXT    the process isn't root, and its helper says this next, or nothing
//     o         the accounts aren't the process's own
//     d x       alice's state is lost; the store is moved away, or back
//     n         a new transaction
//     A C S     pam_sm_authenticate, pam_sm_acct_mgmt, pam_sm_setcred; with a text: PAM_SILENT
//     O         the other entry points
//
// What is typed (u, p, > and ?) holds signs that stand for codes: see typing.h.
#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <security/pam_modules.h>
#include <strings.h>

#include "core/decimal.h"
#include "core/place.h"
#include "core/policy.h"
#include "tests/fuzz/fake_machine.h"
#include "tests/fuzz/fake_pam.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/typing.h"

namespace {

constexpr const char* nobodys_password = "\b\n\r\177INCORRECT";
constexpr int most_calls = 12;
const totp::SettingsPlaces no_settings_files = {PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY};

using Spent = std::set<std::pair<std::string, totp::Counter>>;

class Script {
  public:
    explicit Script(std::string_view text) : text_(text) { begin_transaction(); }

    void run();

  private:
    void begin_transaction();
    void take(char letter, std::string_view text);
    void set_item(int type, const std::string& text);
    Reply reply();
    std::vector<const char*> line() const;  ///< argv
    std::string user() const;               ///< as the account data base spells it; empty: nobody

    void authenticate(int flags);
    void promise_spent(const totp::Settings& settings, const machine::Records& before,
                       const machine::Records& after);
    bool passes_without_code(const totp::Settings& settings, const machine::Records& before) const;
    void promise_handed_on(const totp::Settings& settings, int code,
                           const std::optional<std::string>& field) const;
    void account(int flags);
    void credentials();
    void others();
    bool is_typed(std::string_view code) const;
    void promise_clean_log();

    std::string_view text_;
    std::vector<std::string> arguments_;
    std::unique_ptr<pam_handle> pam_;
    std::deque<std::pair<Reply, totp::UnixTime>> replies_;
    totp::UnixTime delay_ = 0;
    std::vector<std::string> typed_;     ///< in this call
    std::optional<std::string> passed_;  ///< in this transaction, on a line without `once`
    std::set<std::string> may_enrol_;    ///< in this transaction
    Spent spent_;
    int calls_left_ = most_calls;
};

// ---- the script

void Script::run() {
    while (!text_.empty() && calls_left_ > 0) {
        const auto line = text_.substr(0, text_.find('\n'));
        text_.remove_prefix(std::min(line.size() + 1, text_.size()));
        if (!line.empty()) take(line.front(), line.substr(1));
    }
}

void Script::begin_transaction() {
    pam_ = std::make_unique<pam_handle>();
    pam_->set_item(PAM_USER, "alice");
    pam_->set_item(PAM_SERVICE, "door");
    pam_->reply = [this] { return reply(); };
    passed_.reset();
    may_enrol_.clear();
}

void Script::take(char letter, std::string_view text) {
    if (text.starts_with(' ')) text.remove_prefix(1);
    const auto number = totp::parse_decimal<totp::UnixTime>(text);
    const int flags = text.empty() ? 0 : PAM_SILENT;
    const auto add_reply = [&](int code, std::optional<std::string> words) {
        replies_.push_back({{code, std::move(words)}, std::exchange(delay_, 0)});
    };
    switch (letter) {
        case 'a':
            // The module would go wherever it is told to.
            if (const auto path = text.find("=/"); path == std::string_view::npos)
                arguments_.emplace_back(text);
            if (text.empty()) arguments_.clear();
            break;
        case 'u': set_item(PAM_USER, text.empty() ? "nobody" : typed(text, user())); break;
        case 's': set_item(PAM_SERVICE, std::string(text)); break;
        case 'h': set_item(PAM_RHOST, std::string(text)); break;
        case 'p': set_item(PAM_AUTHTOK, typed(text, user())); break;
        case 'e': pam_->environment[std::string(text)] = "1"; break;
        case '>': add_reply(PAM_SUCCESS, std::string(text)); break;
        case '0': add_reply(PAM_SUCCESS, std::nullopt); break;
        case '!': add_reply(PAM_CONV_ERR, std::nullopt); break;
        case '?': add_reply(PAM_CONV_ERR, std::string(text)); break;
        case 'w': delay_ = number.value_or(1); break;
        case 't': machine::pass_time(number.value_or(1)); break;
        case 'f': pam_->calls_to_failure = static_cast<int>(number.value_or(1) & 63); break;
        case 'H':
            machine::leave_root();
            machine::add_helper_answer(text.empty() ? "" : std::string(text) + "\n");
            break;
        case 'o': machine::be_another_user(); break;
        case 'd':
            if (!machine::is_store_moved()) machine::lose_state();
            spent_.clear();
            break;
        case 'x': machine::move_store(); break;
        case 'n': begin_transaction(); break;
        case 'A': authenticate(flags); break;
        case 'C': account(flags); break;
        case 'S': credentials(); break;
        case 'O': others(); break;
        default: break;
    }
}

void Script::set_item(int type, const std::string& text) {
    pam_->set_item(type, text.empty() ? nullptr : text.c_str());
}

Reply Script::reply() {
    if (replies_.empty()) return {};
    auto [reply, delay] = std::move(replies_.front());
    replies_.pop_front();
    machine::pass_time(delay);
    if (!reply.text) return reply;
    reply.text = typed(*reply.text, user());
    if (reply.code == PAM_SUCCESS) typed_.push_back(*reply.text);
    return reply;
}

std::string Script::user() const {
    const auto account = account_named(pam_->item(PAM_USER).value_or(""));
    return account ? account->name : "";
}

std::vector<const char*> Script::line() const {
    static const auto store = "store=" + machine::directory() + "/store";
    static const auto key = "key=" + machine::directory() + "/key";
    std::vector<const char*> line = {store.c_str(), key.c_str()};
    for (const auto& argument : arguments_) line.push_back(argument.c_str());
    return line;
}

// ---- the promises

bool Script::is_typed(std::string_view code) const {
    return std::ranges::any_of(typed_, [&](const std::string& text) {
        return without_separators(text).find(without_separators(code)) != std::string::npos;
    });
}

bool is_in_window(const totp::Credential& credential, const totp::DeviceState& earlier,
                  const totp::Policy& policy, totp::Counter counter) {
    const auto distance_from = [&](totp::Counter centre) {
        return static_cast<std::int64_t>(counter - centre);
    };
    if (credential.type == totp::CredentialType::hotp)
        return distance_from(*earlier.next) <= policy.hotp_look_ahead;
    const auto drift = std::clamp(earlier.drift, -policy.max_drift, policy.max_drift);
    const auto now = static_cast<std::int64_t>(totp::time_step(machine::now(), credential.period));
    const auto centre = std::max<std::int64_t>(0, now + drift);
    return std::abs(distance_from(static_cast<totp::Counter>(centre))) <= policy.window;
}

/// Two codes in a row bring a device back into step.
bool follows_near_miss(const totp::LoginState& state, const totp::NearMiss& counted) {
    return std::ranges::any_of(std::array{&state.known, &state.elsewhere}, [&](const totp::SideState* side) {
        return side->near_miss && side->near_miss->device == counted.device &&
               side->near_miss->counter + 1 == counted.counter;
    });
}

/// What the state says is spent was typed, is right, and was never spent before.
void Script::promise_spent(const totp::Settings& settings, const machine::Records& before,
                           const machine::Records& after) {
    for (const auto& device : after.enrolment.devices) {
        const auto* earlier = before.state.device(device.id);
        const auto* later = after.state.device(device.id);
        if (earlier == nullptr || later->next == earlier->next) continue;
        promise(earlier->next && *later->next > *earlier->next);
        const auto counter = *later->next - 1;
        promise(is_typed(machine::code_of(device.credential, counter)));
        promise(spent_.emplace(device.id, counter).second);
        promise(is_in_window(device.credential, *earlier, settings.policy, counter) ||
                follows_near_miss(before.state, {device.id, counter}));
    }
    if (after.state.spent_recovery != before.state.spent_recovery) {
        promise(is_typed(machine::recovery_code()) && spent_.emplace("recovery", 0).second);
    }
}

bool has_spent(const machine::Records& before, const machine::Records& after) {
    const auto is_same = [&](const totp::DeviceState& device) {
        const auto* earlier = before.state.device(device.id);
        return earlier != nullptr && earlier->next == device.next;
    };
    return before.state.spent_recovery != after.state.spent_recovery ||
           !std::ranges::all_of(after.state.devices, is_same);
}

bool Script::passes_without_code(const totp::Settings& settings, const machine::Records& before) const {
    if (settings.once && passed_ == "alice") return true;
    const auto host = pam_->item(PAM_RHOST);
    if (!host) return false;
    return std::ranges::any_of(before.state.places, [&](const totp::KnownPlace& known) {
        const auto age = machine::now() - known.last_login;
        return known.place == totp::remote_place(*host) && 0 <= age && age < settings.policy.remember &&
               known.interface_id == totp::interface_id_of(*host);
    });
}

/// Who was refused takes no password to the modules after us.
void Script::promise_handed_on(const totp::Settings& settings, int code,
                               const std::optional<std::string>& field) const {
    const bool is_one_field = settings.forward_pass || settings.use_first_pass;
    const bool is_refused = code == PAM_AUTH_ERR || code == PAM_MAXTRIES || code == PAM_AUTHINFO_UNAVAIL;
    const bool has_field = settings.forward_pass ? !typed_.back().empty() : field && !field->empty();
    if (!is_one_field || !is_refused || !has_field || pam_->has_failed || user() != "alice") return;
    promise(pam_->item(PAM_AUTHTOK) == nobodys_password);
}

void Script::authenticate(int flags) {
    --calls_left_;
    const auto arguments = line();
    const auto settings = totp::settings_for_line(no_settings_files, arguments);
    const auto before = machine::records_of_alice();
    const auto field = pam_->item(PAM_AUTHTOK);
    typed_ = {field.value_or("")};
    pam_->has_failed = false;
    machine::forget_helper();
    if (settings && !settings->once) passed_.reset();
    if (settings && settings->unenrolled == totp::Unenrolled::enrol) may_enrol_.insert(user());

    auto argv = line();
    const int code = pam_sm_authenticate(pam_.get(), flags, static_cast<int>(argv.size()), argv.data());
    promise_clean_log();
    const auto after = machine::records_of_alice();
    constexpr int documented[] = {PAM_SUCCESS, PAM_AUTH_ERR,         PAM_MAXTRIES,
                                  PAM_IGNORE,  PAM_AUTHINFO_UNAVAIL, PAM_CONV_ERR};
    promise(std::ranges::count(documented, code) == 1 || (code == PAM_BUF_ERR && pam_->has_failed));
    promise(settings || (code != PAM_SUCCESS && code != PAM_IGNORE));
    if (settings) promise_handed_on(*settings, code, field);

    if (before && after && settings) promise_spent(*settings, *before, *after);
    if (before && after && code != PAM_BUF_ERR) promise(code == PAM_SUCCESS || !has_spent(*before, *after));
    if (code == PAM_IGNORE) {
        promise(settings->unenrolled != totp::Unenrolled::refuse);
        promise(machine::is_root() ? user() != "alice" && !user().empty() && !machine::is_store_moved()
                                   : machine::has_helper_said("enrolled=no\n"));
    }
    if (code != PAM_SUCCESS) return;
    if (!machine::is_root()) {
        promise(!user().empty());
        promise(machine::has_helper_said("verdict=accepted") || (settings->once && passed_ == user()));
    } else if (user() == "alice") {
        promise(!before || has_spent(*before, *after) || passes_without_code(*settings, *before));
    } else {
        promise(settings->once && passed_ == user());
    }
    if (!settings->once) passed_ = user();
}

/// Whoever is let in by the account phase has enrolled, with a code of the key that they were shown. What
/// somebody owes is asked of whoever they have become.
void Script::account(int flags) {
    --calls_left_;
    const auto before = user().empty() ? std::nullopt : machine::records_of(user());
    typed_.clear();
    pam_->has_failed = false;
    const bool is_owed = pam_->environment.contains("PAM_TOTP_ENROLMENT_OWED");
    auto argv = line();
    const int code = pam_sm_acct_mgmt(pam_.get(), flags, static_cast<int>(argv.size()), argv.data());
    promise_clean_log();
    constexpr int documented[] = {PAM_SUCCESS, PAM_PERM_DENIED, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL};
    promise(std::ranges::count(documented, code) == 1 || (code == PAM_BUF_ERR && pam_->has_failed));
    promise(code == PAM_IGNORE || code == PAM_BUF_ERR || may_enrol_.contains(user()) ||
            (is_owed && code == PAM_PERM_DENIED));
    const auto after = user().empty() ? std::nullopt : machine::records_of(user());
    if (code != PAM_SUCCESS) {
        promise(before.has_value() == after.has_value());
        return;
    }
    promise(!before && after && after->enrolment.devices.size() == 1);
    const auto& device = after->enrolment.devices.front();
    promise(is_typed(machine::code_of(device.credential, *after->state.device(device.id)->next - 1)));
}

void Script::credentials() {
    --calls_left_;
    pam_->has_failed = false;
    const int code = pam_sm_setcred(pam_.get(), 0, 0, nullptr);
    promise_clean_log();
    if (code == PAM_BUF_ERR && pam_->has_failed) return;
    promise(code == (pam_->environment.contains("PAM_TOTP_ENROLMENT_OWED") ? PAM_INCOMPLETE : PAM_SUCCESS));
}

void Script::others() {
    promise(pam_sm_open_session(pam_.get(), 0, 0, nullptr) == PAM_IGNORE);
    promise(pam_sm_close_session(pam_.get(), 0, 0, nullptr) == PAM_IGNORE);
    promise(pam_sm_chauthtok(pam_.get(), 0, 0, nullptr) == PAM_IGNORE);
}

void Script::promise_clean_log() {
    for (const auto& line : std::exchange(pam_->log, {})) {
        promise(std::ranges::all_of(line, [](char c) { return c >= ' ' && c < 127; }));
        promise(line.find(secret_word) == std::string::npos);
    }
}

}  // namespace

/// Nobody's name holds the secret word: as a user it was typed in the wrong field.
std::optional<KnownAccount> account_named(const std::string& user) {
    if (strcasecmp(user.c_str(), "alice") == 0) return KnownAccount{"alice", machine::owner()};
    if (!user.starts_with('b') || user.find(secret_word) != std::string::npos) return std::nullopt;
    return KnownAccount{user, machine::owner()};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    if (text.find(secret_word) != std::string_view::npos) return 0;
    machine::enter();
    Script(text).run();
    machine::leave();
    return 0;
}
