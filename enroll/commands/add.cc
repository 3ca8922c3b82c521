// totp-enroll add: a new device for an account. Nothing is saved before the device showed a right code.
#include <ctime>
#include <functional>

#include <unistd.h>

#include "core/base32.h"
#include "core/percent.h"
#include "core/shell_words.h"
#include "core/verifier.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/device_name.h"
#include "enroll/device_options.h"
#include "enroll/enrolment_elsewhere.h"
#include "enroll/exit_code.h"
#include "enroll/introduction.h"
#include "enroll/json.h"
#include "enroll/qr_image.h"
#include "enroll/qr_style.h"
#include "enroll/reauthenticate.h"
#include "enroll/recovery_page.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// The file of --qr-file: taken away again unless the device is enrolled.
class QrFile {
  public:
    QrFile() = default;
    QrFile(const QrFile&) = delete;
    QrFile& operator=(const QrFile&) = delete;
    ~QrFile() {
        if (!path_.empty()) unlink(path_.c_str());
    }

    Result<Done> write(const std::string& path, const QrSymbol& symbol, const QrCaption& caption) {
        auto written = write_qr_file(path, symbol, caption);
        if (written) path_ = path;
        return written;
    }
    void keep() { path_.clear(); }

  private:
    std::string path_;
};

/// What was saved.
struct Saved {
    std::string device;
    std::vector<SecretBytes> codes;  ///< empty where the account keeps those it has
};

class Add : public AccountCommand {
  public:
    void declare(Options& options) override;
    Sentence way_out_of_lost_output() const override {
        return tr("; if totp-enroll status has the new device, remove it again or make new recovery codes");
    }

  private:
    std::optional<Failure> refuse_options() const override;
    int act(const Session& session) override;
    int act_elsewhere(const AccountElsewhere& account) override;
    int act_unenrolled(const AccountElsewhere& account) override;

    /// For whom a device is, and by which settings.
    struct Owner {
        const Account& account;
        const Settings& settings;
        bool json;
    };
    using Save = std::function<Result<Saved>(const Device&, const Introduced&)>;
    /// Shows the device's key, has it confirmed and saved.
    int introduce(const Device& device, const Owner& owner, const Save& save) const;

    Result<Done> write_qr(const Introduction& introduction, const KeyUri& key, QrFile& file) const;
    /// Once its person has seen the key; nothing, after a complaint, if it showed no right code.
    std::optional<Introduced> introduced(const Device& device, const Introduction& introduction,
                                         const Owner& owner) const;
    Result<Saved> save(const Session& session, Device device, const LoginState& state) const;
    Result<Saved> save_elsewhere(const AccountElsewhere& account, const Device& device,
                                 const std::optional<SecretBytes>& shown, bool is_first) const;
    Result<Saved> save_by_token(const AccountElsewhere& account, const SecretBytes& token,
                                const Device& device, const std::optional<SecretBytes>& shown) const;
    void report(const Account& account, const KeyUri& key, const Saved& saved, bool json) const;
    std::size_t first_recovery_codes() const { return recovery_codes_.value_or(usual_recovery_codes); }

    DeviceOptions device_;
    std::string qr_ = automatic_qr;
    std::string qr_file_;
    std::optional<std::size_t> recovery_codes_;
    bool needs_no_code_ = false;
    bool has_token_ = false;
};

void Add::declare(Options& options) {
    device_.declare(options);
    options.value("--qr", qr_, "FORM", "The QR code: auto, utf8, utf8-light, ascii, ansi or none")
        .is_one_of(words_of_qr());
    options.value("--qr-file", qr_file_, "FILE", "The QR code as a new file too: F.png or F.svg");
    options.value("--recovery-codes", recovery_codes_, "N", "How many recovery codes to make, 0 to 32 [10]")
        .is_between(0, static_cast<int>(maximum_recovery_codes));
    options.flag("--token", has_token_, "A first enrolment in a database, by an administrator's token");
    options.flag("--no-confirm", needs_no_code_, "Save without a code from the device (root)");
    options.example("totp-enroll add --user alice --device phone");
}

std::optional<Failure> Add::refuse_options() const {
    if (auto failure = device_.refuse()) return failure;
    if (!qr_file_.empty() && !is_qr_file_name(qr_file_)) {
        return input_failure(tr("--qr-file %1 must end in .png or .svg", {printable_path(qr_file_)}));
    }
    if (needs_no_code_ && !is_root())
        return Failure{Trouble::caller, tr("--no-confirm is for root: the device must show a code")};
    return std::nullopt;
}

Result<Done> Add::write_qr(const Introduction& introduction, const KeyUri& key, QrFile& file) const {
    if (qr_file_.empty()) return Done{};
    return file.write(
        qr_file_, introduction.symbol(),
        {key.issuer, key.label, in_groups_of_four(base32_encode(key.credential.secret.octets()))});
}

std::optional<Introduced> Add::introduced(const Device& device, const Introduction& introduction,
                                          const Owner& owner) const {
    if (needs_no_code_) {
        if (!owner.json) introduction.show();
        return Introduced{new_login_state({.devices = {device}}), std::nullopt};
    }
    auto shown = introduction.confirm(owner.settings.policy);
    if (!shown) complain(tr("nothing was enrolled: no right code came from the device"));
    return shown;
}

/// Where the name was ours to choose, another is chosen if somebody took it meanwhile.
Result<Saved> Add::save(const Session& session, Device device, const LoginState& state) const {
    const auto held = session.hold(HoldFor::change);
    if (!held) return held.failure();
    auto enrolment = (*held)->enrolment().value_or(Enrolment{});
    if (device_.chooses_name()) device.name = free_device_name(enrolment);
    if (enrolment.device_named(device.name) != nullptr) {
        return input_failure(tr("meanwhile a device %1 was enrolled: nothing was changed", {device.name}));
    }
    Saved saved{.device = device.name, .codes = {}};
    Changes change{.last = std::time(nullptr), .added_device = true};
    if (enrolment.devices.empty()) {
        auto set = new_recovery_codes(first_recovery_codes());
        if (!set) return set.failure();
        enrolment.recovery = std::move(set->hashes);
        saved.codes = std::move(set->codes);
    }
    auto next = without_strangers((*held)->state(), enrolment);
    enrolment.devices.push_back(std::move(device));
    next.devices.push_back(state.devices.front());
    note_change(next, change);
    if (auto enrolled = (*held)->enrol(enrolment, std::move(next)); !enrolled) return enrolled.failure();
    log_change(session.account(), Change::device_added, saved.device);
    return saved;
}

void Add::report(const Account& account, const KeyUri& key, const Saved& saved, bool json) const {
    if (json) {
        Json facts = {
            {"user", std::string_view(account.name)},
            {"device", std::string_view(saved.device)},
            {"uri", format_key_uri(key, UriParameters::not_default).text()},
            {"secret", base32_encode(key.credential.secret.octets()).text()},
            {"recovery_codes", Json::array()},
        };
        for (const auto& code : saved.codes) facts["recovery_codes"].push_back(code.text());
        print_json(facts);
        return;
    }
    const auto sentence = tr("%1's device %2 is enrolled.", {account.name, saved.device});
    if (!saved.codes.empty()) show_recovery_codes(sentence, saved.codes);
    if (saved.codes.empty() || examine_terminal().can_show_secrets) print_line(sentence);
}

Failure has_recovery_codes(const Account& account) {
    return input_failure(
        tr("--recovery-codes is for the first device: %1 has recovery codes already", {account.name}));
}

Failure needs_no_token() {
    return input_failure(tr("--token is for somebody's own first enrolment in a database: leave it out"));
}

int Add::act(const Session& session) {
    if (has_token_) return complain(needs_no_token());
    if (const auto prepared = prepare_store(session.installation()); !prepared)
        return complain(prepared.failure());
    std::optional<Enrolment> enrolment;
    {
        const auto held = session.hold(HoldFor::login);
        if (!held) return complain(held.failure());
        enrolment = (*held)->enrolment();
    }
    if (enrolment && recovery_codes_) return complain(has_recovery_codes(session.account()));
    const auto device = device_.make(enrolment);
    if (!device) return complain(device.failure());
    if (const auto can = session.can_enrol(); !can) return complain(can.failure());
    return introduce(
        *device, {session.account(), session.settings(), session.json()},
        [&](const Device& shown, const Introduced& by) { return save(session, shown, by.state); });
}

int Add::introduce(const Device& device, const Owner& owner, const Save& save) const {
    const auto key = device_.key_uri(device, owner.account);
    const auto introduction = Introduction::of(device, key, qr_, owner.json);
    if (!introduction) return complain(introduction.failure());

    const SignalsHeldBack signals;  // until the file of --qr-file is gone or stays
    QrFile file;
    if (const auto written = write_qr(*introduction, key, file); !written) return complain(written.failure());
    const auto by = introduced(device, *introduction, owner);
    if (!by) return exit_refused;
    const auto saved = save(device, *by);
    if (!saved) return complain(saved.failure());
    file.keep();
    report(owner.account, key, *saved, owner.json);
    return exit_done;
}

Result<Saved> Add::save_elsewhere(const AccountElsewhere& account, const Device& device,
                                  const std::optional<SecretBytes>& shown, bool is_first) const {
    Saved saved{.device = device.name, .codes = {}};
    if (is_first) {
        auto codes = enrol_elsewhere(account, device, shown, first_recovery_codes());
        if (!codes) return codes.failure();
        saved.codes = *std::move(codes);
    } else if (auto added = add_elsewhere(account, device, shown); !added) {
        return added.failure();
    }
    log_change(account.account(), Change::device_added, device.name);
    return saved;
}

int Add::act_elsewhere(const AccountElsewhere& account) {
    if (has_token_) return complain(needs_no_token());
    const auto enrolment = names_elsewhere(account);
    if (!enrolment) return complain(enrolment.failure());
    if (*enrolment && recovery_codes_) return complain(has_recovery_codes(account.account()));
    const auto device = device_.make(*enrolment);
    if (!device) return complain(device.failure());
    return introduce(*device, {account.account(), account.settings(), account.json()},
                     [&](const Device& shown, const Introduced& by) {
                         return save_elsewhere(account, shown, by.code, !*enrolment);
                     });
}

Result<Saved> Add::save_by_token(const AccountElsewhere& account, const SecretBytes& token,
                                 const Device& device, const std::optional<SecretBytes>& shown) const {
    auto codes = enrol_by_token(account, token, device, shown, first_recovery_codes());
    if (!codes) return codes.failure();
    log_change(account.account(), Change::device_added, device.name);
    return Saved{device.name, *std::move(codes)};
}

/// The token is looked at before anything is shown: else an app would have a key that nothing came of.
int Add::act_unenrolled(const AccountElsewhere& account) {
    const auto name = printable(account.account().name);
    if (!has_token_) {
        return complain(
            Failure{Trouble::caller,
                    tr("%1 is not enrolled, and needs an administrator's token for that (totp-enroll token "
                       "--user %2); with it: totp-enroll add --token",
                       {name, shell_word(account.account().name)})});
    }
    const auto token = ask_line(tr("Token: "), Typing::hidden);
    if (!token) return complain(nobody_answered());
    const auto is_taken = takes_token(account, *token);
    if (!is_taken) return complain(is_taken.failure());
    if (!*is_taken) {
        return complain(Failure{Trouble::caller,
                                tr("%1 can't be enrolled by this token: it isn't theirs, or was used, or "
                                   "is too old; an administrator gives another",
                                   {name})});
    }
    const auto device = device_.make(std::nullopt);
    if (!device) return complain(device.failure());
    return introduce(*device, {account.account(), account.settings(), account.json()},
                     [&](const Device& shown, const Introduced& by) {
                         return save_by_token(account, *token, shown, by.code);
                     });
}

}  // namespace

std::unique_ptr<Command> make_add() { return std::make_unique<Add>(); }

}  // namespace totp
