// totp-enroll add: a new device for an account. Nothing is saved before the device showed a right code.
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <ctime>
#include <iostream>

#include "core/base32.h"
#include "core/percent.h"
#include "core/random.h"
#include "core/verifier.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/qr_style.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr int tries_to_confirm = 3;
constexpr std::size_t longest_secret_file = 1024;

std::string host_name() {
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return name;
}

Failure input_failure(const std::string& message) { return {Trouble::input, message}; }

/// The first of phone, phone-2, phone-3… that no device is called yet.
std::string free_device_name(const std::optional<Enrolment>& enrolment) {
    std::string name = "phone";
    for (int number = 2; enrolment && enrolment->device_named(name) != nullptr; ++number) {
        name = "phone-" + std::to_string(number);
    }
    return name;
}

/// A secret in base 32, from a file or ("-") from stdin.
Result<SecretBytes> secret_from(const std::string& source) {
    const auto where = source == "-" ? "stdin" : source;
    SecretBytes text;
    if (source == "-") {
        auto line = ask_line("Secret in base 32: ");
        if (line) text = *std::move(line);
    } else {
        const Descriptor file(open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!file || read_whole(file, longest_secret_file, text) != 0) {
            return input_failure("--secret-from " + source + " can't be read" + because_of(errno));
        }
    }
    auto line = text.text();
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    auto secret = base32_decode(line);
    if (!secret)
        return input_failure("the secret from " + where + " isn't base 32: letters A-Z and digits 2-7");
    if (secret->size() < minimum_new_secret || secret->size() > 128) {
        return input_failure("the secret from " + where + " has " + std::to_string(secret->size() * 8) +
                             " bits; it must have 128 to 1024");
    }
    return *std::move(secret);
}

/// What is wrong with a code, as far as that can be told.
std::string hint(const Finding& finding, const Credential& credential) {
    if (finding.reason == Reason::malformed) {
        return "that isn't a code of " + std::to_string(credential.digits) + " digits";
    }
    if (!finding.near_miss) return "that code isn't right";
    const auto now = static_cast<UnixTime>(time_step(std::time(nullptr), credential.period));
    const auto steps = static_cast<UnixTime>(finding.near_miss->counter) - now;
    return "that code is right for another time: the device's clock is about " +
           std::to_string(std::abs(steps) * credential.period) + " s " + (steps > 0 ? "ahead of" : "behind") +
           " this machine's; set the one that is wrong";
}

class Add : public Command {
  public:
    void declare(CLI::App& app) override;
    int run(Session session) override;

  private:
    /// What the options and the account's present enrolment make of the new device.
    Result<Device> new_device(const std::optional<Enrolment>& enrolment) const;
    KeyUri key_uri(const Device& device, const Account& account) const;
    std::optional<Failure> refuse_options() const;

    void show(const KeyUri& key, const Account& account) const;
    void draw(std::ostream& out, const KeyUri& key, QrStyle style) const;
    /// The login state with the code spent that the device showed; nothing if it showed none.
    std::optional<LoginState> confirmed(const Device& device, const Policy& policy) const;
    /// The recovery codes to show, empty where the account keeps those it has.
    Result<std::vector<SecretBytes>> save(Session& session, const Device& device, const LoginState& state);
    void report(const Session& session, const Device& device, const KeyUri& key,
                const std::vector<SecretBytes>& codes) const;

    std::optional<std::string> name_;
    std::string algorithm_ = "SHA1";
    int digits_ = 6;
    int period_ = 30;
    std::string issuer_ = host_name();
    std::optional<std::string> label_;
    std::string secret_from_;
    std::string qr_ = automatic_qr;
    std::optional<std::size_t> recovery_codes_;
    bool needs_no_code_ = false;
    bool json_ = false;
};

void Add::declare(CLI::App& app) {
    app.add_option("--device", name_, "What to call the device [phone, phone-2, …]")->type_name("NAME");
    app.add_option("--algorithm", algorithm_, "SHA1, SHA256 or SHA512; many apps know SHA1 only")
        ->type_name("HASH")
        ->capture_default_str();
    app.add_option("--digits", digits_, "How many digits a code has: 6, 7 or 8")
        ->check(CLI::Range(6, 8))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--period", period_, "How many seconds a code lasts: 1 to 3600")
        ->check(CLI::Range(1, 3600))
        ->type_name("SECONDS")
        ->capture_default_str();
    app.add_option("--issuer", issuer_, "Who the app says the account is with [this host's name]")
        ->type_name("TEXT");
    app.add_option("--label", label_, "What the app calls the account [the user's name]")->type_name("TEXT");
    app.add_option("--secret-from", secret_from_, "Take the secret, in base 32, from a file or (-) stdin")
        ->type_name("FILE");
    app.add_option("--qr", qr_, "The QR code: auto, utf8, utf8-light, ascii or none")
        ->check(CLI::IsMember(words_of_qr()))
        ->type_name("FORM")
        ->option_text("FORM");
    app.add_option("--recovery-codes", recovery_codes_, "How many recovery codes to make, 0 to 32 [10]")
        ->check(CLI::Range(0, static_cast<int>(maximum_recovery_codes)))
        ->type_name("N");
    app.add_flag("--no-confirm", needs_no_code_, "Save without a code from the device");
    app.footer("Example: totp-enroll add --user alice --device phone");
}

std::optional<Failure> Add::refuse_options() const {
    if (!algorithm_named(algorithm_)) {
        return input_failure("--algorithm " + printable(algorithm_) + " isn't SHA1, SHA256 or SHA512");
    }
    if (name_ && !is_device_name(*name_)) {
        return input_failure("--device '" + printable(*name_) +
                             "' isn't 1 to 32 letters, digits, '.', '_' or '-' (nor the word recovery)");
    }
    for (const auto& [option, text] :
         {std::pair("--issuer", issuer_), std::pair("--label", label_.value_or(""))}) {
        if (text.find(':') != std::string::npos) {
            return input_failure(std::string(option) + " must not have a colon: key URIs can't carry it");
        }
    }
    return std::nullopt;
}

Result<Device> Add::new_device(const std::optional<Enrolment>& enrolment) const {
    const auto name = name_.value_or(free_device_name(enrolment));
    if (enrolment && enrolment->device_named(name) != nullptr) {
        return input_failure("there is a device " + name + " already: choose another name with --device");
    }
    if (enrolment && enrolment->devices.size() >= maximum_devices) {
        return input_failure("there are 8 devices already: remove one with totp-enroll remove --device NAME");
    }
    Credential credential{.algorithm = *algorithm_named(algorithm_), .digits = digits_, .period = period_};
    auto secret = secret_from_.empty() ? random_bytes(recommended_secret_size(credential.algorithm))
                                       : secret_from(secret_from_);
    if (!secret) return secret.failure();
    credential.secret = *std::move(secret);
    return Device(name, std::move(credential));
}

KeyUri Add::key_uri(const Device& device, const Account& account) const {
    return {device.credential, issuer_, label_.value_or(account.name)};
}

/// The picture comes last: on a screen of 24 lines it stands whole above the question.
void Add::show(const KeyUri& key, const Account& account) const {
    std::ostream& out = json_ ? std::cerr : std::cout;
    const auto& credential = key.credential;
    out << "For the authenticator app of " << account.name << ": a key to type in (time-based, "
        << name_of(credential.algorithm) << ", " << credential.digits << " digits, " << credential.period
        << " s)\n\n    " << in_groups_of_four(base32_encode(credential.secret.octets())).text() << "\n\n";
    if (const auto style = qr_style(qr_)) draw(out, key, *style);
    out << std::flush;
}

void Add::draw(std::ostream& out, const KeyUri& key, QrStyle style) const {
    const auto rows = draw_qr(format_key_uri(key, UriParameters::not_default).text(), style);
    if (!rows) {
        out << rows.failure().message << "\n";
        return;
    }
    out << "or to scan:\n";
    for (const auto& row : *rows) out << row << "\n";
    if (qr_ == automatic_qr) out << advice_for(style) << "\n";
}

std::optional<LoginState> Add::confirmed(const Device& device, const Policy& policy) const {
    const Enrolment alone{.devices = {device}};
    for (int left = tries_to_confirm; left > 0; --left) {
        const auto code = ask_line("Code that the app shows now: ");
        if (!code) break;
        auto finding = examine(alone, new_login_state(alone), policy,
                               {.response = code->text(), .now = std::time(nullptr)}, std::nullopt);
        if (finding.reason == Reason::none) return std::move(finding.after);
        complain(hint(finding, device.credential) + (left > 1 ? "; try the one shown now" : ""));
    }
    return std::nullopt;
}

Result<std::vector<SecretBytes>> Add::save(Session& session, const Device& device, const LoginState& state) {
    auto held = session.store.hold(session.account, HoldFor::change);
    if (!held) return held.failure();
    auto enrolment = (*held)->enrolment().value_or(Enrolment{});
    if (enrolment.device_named(device.name) != nullptr) {
        return input_failure("meanwhile a device " + device.name + " was enrolled: nothing was changed");
    }
    const bool is_first = enrolment.devices.empty();
    std::vector<SecretBytes> codes;
    if (is_first) {
        auto set = new_recovery_codes(recovery_codes_.value_or(10));
        if (!set) return set.failure();
        enrolment.recovery = std::move(set->hashes);
        codes = std::move(set->codes);
    }
    auto next = without_strangers((*held)->state(), enrolment);
    enrolment.devices.push_back(device);
    next.devices.push_back(state.devices.front());
    if (auto enrolled = (*held)->enrol(enrolment, std::move(next)); !enrolled) return enrolled.failure();
    return codes;
}

void Add::report(const Session& session, const Device& device, const KeyUri& key,
                 const std::vector<SecretBytes>& codes) const {
    if (json_) {
        Json facts = {
            {"user", session.account.name},
            {"device", device.name},
            {"uri", format_key_uri(key, UriParameters::not_default).text()},
            {"secret", base32_encode(device.credential.secret.octets()).text()},
            {"recovery_codes", Json::array()},
        };
        for (const auto& code : codes) facts["recovery_codes"].push_back(code.text());
        print_json(facts);
        return;
    }
    std::cout << "\n" << session.account.name << "'s device " << device.name << " is enrolled.\n";
    if (codes.empty()) return;
    std::cout << "\nRecovery codes, each good for one login without the device. Keep them somewhere safe:\n"
              << "they are not shown again.\n\n";
    for (const auto& code : codes) std::cout << "    " << code.text() << "\n";
    std::cout << std::endl;
}

int Add::run(Session session) {
    json_ = session.json;
    if (const auto failure = refuse_options()) return complain(*failure);
    if (const auto prepared = prepare_store(session); !prepared) return complain(prepared.failure());
    std::optional<Enrolment> enrolment;
    {
        const auto held = session.store.hold(session.account, HoldFor::login);
        if (!held) return complain(held.failure());
        enrolment = (*held)->enrolment();
    }
    if (enrolment && recovery_codes_) {
        return complain(input_failure("--recovery-codes is for the first device: " + session.account.name +
                                      " has recovery codes already"));
    }
    const auto device = new_device(enrolment);
    if (!device) return complain(device.failure());
    const auto key = key_uri(*device, session.account);

    LoginState state = new_login_state({.devices = {*device}});
    if (!needs_no_code_) {
        show(key, session.account);
        auto shown = confirmed(*device, session.settings.policy);
        if (!shown) {
            complain("nothing was enrolled: no right code came from the device");
            return exit_refused;
        }
        state = *std::move(shown);
    } else if (!json_) {
        show(key, session.account);
    }
    const auto codes = save(session, *device, state);
    if (!codes) return complain(codes.failure());
    report(session, *device, key, *codes);
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_add() { return std::make_unique<Add>(); }

}  // namespace totp
