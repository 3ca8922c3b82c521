// totp-enroll export: a device's key once more, for another app or for another program's files.
#include <algorithm>
#include <ctime>
#include <span>

#include "core/base32.h"
#include "core/host_name.h"
#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/device_name.h"
#include "enroll/exit_code.h"
#include "enroll/foreign/google_authenticator_file.h"
#include "enroll/foreign/lines.h"
#include "enroll/foreign/oath_users_file.h"
#include "enroll/introduction.h"
#include "enroll/json.h"
#include "enroll/qr_image.h"
#include "enroll/qr_style.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

std::tm to_local_time(UnixTime time) {
    std::tm moment{};
    localtime_r(&time, &moment);
    return moment;
}

/// A device as it stands: a counter goes on where it is, not where it began.
struct Leaving {
    Device device;
    DeviceState state;
};

Leaving leaving(const Device& device, const LoginState& state) {
    const auto* known = state.device(device.id);
    Leaving result{device, known != nullptr ? *known : DeviceState{.id = device.id, .next = {}}};
    if (device.credential.type == CredentialType::hotp)
        result.device.credential.counter = result.state.next.value_or(device.credential.counter);
    return result;
}

/// Wherever a device goes whose past is lost, all of its codes would be good again.
Failure past_is_lost(const Device& device, const Account& account) {
    return {
        Trouble::store,
        tr("it isn't known which codes of %1's device %2 are spent: first run totp-enroll resync --user %3",
           {account.name, device.name, shell_word(account.name)})};
}

/// The lines of the text; what is longer than `longest` bytes in pieces of that.
std::vector<SecretBytes> pieces_of(const SecretBytes& text, std::size_t longest) {
    std::vector<SecretBytes> pieces;
    for (const auto& line : lines_of(text.text())) {
        for (std::size_t i = 0; i == 0 || i < line.text.size(); i += longest)
            pieces.emplace_back(line.text.substr(i, longest));
    }
    return pieces;
}

/// How many of the lines fit in so many rows, at least one.
std::size_t fitting(std::span<const SecretBytes> lines, const Terminal& terminal, int rows) {
    std::size_t count = 1;
    while (count < lines.size() && rows_of(lines.first(count + 1), terminal) <= rows) ++count;
    return count;
}

/// As many pages as it takes, each of which is wiped when a key is pressed: what leaves the screen above is
/// lost.
void show_on_screen(const Terminal& terminal, const SecretBytes& text) {
    const SecretBytes question(tr("Press any key; this is wiped then.").translated());
    const SecretBytes below[] = {question, SecretBytes()};
    const auto rows = std::max(1, terminal.rows - rows_of(below, terminal));
    const auto pieces =
        pieces_of(text, static_cast<std::size_t>(rows) * static_cast<std::size_t>(terminal.columns));
    const SignalsHeldBack signals;
    const SecretScreen screen(terminal);
    for (std::span rest(pieces); !rest.empty();) {
        const auto on_page = rest.first(fitting(rest, terminal, rows));
        rest = rest.subspan(on_page.size());
        std::vector page(on_page.begin(), on_page.end());
        page.push_back(question);
        forget_typed();
        screen.show(page);
        wait_for_key();
    }
}

void show(const SecretBytes& text) {
    const auto terminal = examine_terminal();
    if (terminal.can_show_secrets) return show_on_screen(terminal, text);
    print(text.text());
}

class Export : public AccountCommand {
  public:
    void declare(Options& options) override;

  private:
    std::optional<Failure> refuse_options() const override;
    int act(const Session& session) override;
    Sentence why_not_elsewhere(const Account& account) const override {
        return tr(
            "a database gives no key away (engine = postgresql): for another app, totp-enroll add --user %1",
            {shell_word(account.name)});
    }

    Result<std::vector<Leaving>> chosen(const Enrolment& enrolment, const LoginState& state,
                                        const Account& account) const;
    bool takes_one_device() const { return format_ == "qr" || format_ == "google" || !qr_file_.empty(); }
    /// What --format asks for, as text; a key URI where that is a QR code.
    Result<SecretBytes> text_of(const Leaving& leaving, const Account& account) const;
    Result<Done> write_qr(const KeyUri& key) const;
    Result<Done> show_qr(const Device& device, const KeyUri& key) const;
    Result<Done> give(const Session& session, const std::vector<Leaving>& all) const;

    std::optional<std::string> name_;
    std::string format_ = "uri";
    std::optional<std::string> qr_;
    std::string qr_file_;
};

void Export::declare(Options& options) {
    options.value("--device", name_, "NAME", "Only this device");
    options.value("--format", format_, "FORMAT", "What to make: uri, qr, google or oath")
        .is_one_of({"uri", "qr", "google", "oath"});
    options.value("--qr", qr_, "FORM", "The QR code: auto, utf8, utf8-light, ascii, ansi or none")
        .is_one_of(words_of_qr());
    options.value("--qr-file", qr_file_, "FILE", "The QR code as a new file too: F.png or F.svg");
    options.example("totp-enroll export --user alice --format qr");
}

std::optional<Failure> Export::refuse_options() const {
    if (!is_root())
        return Failure{Trouble::caller, tr("export is for root: to add an app of yours, totp-enroll add")};
    if (qr_ && format_ != "qr")
        return input_failure(tr("--qr is for --format qr: say that too, or leave it out"));
    if (!qr_file_.empty() && !is_qr_file_name(qr_file_))
        return input_failure(tr("--qr-file %1 must end in .png or .svg", {printable_path(qr_file_)}));
    return refuse_device_name(name_);
}

Result<std::vector<Leaving>> Export::chosen(const Enrolment& enrolment, const LoginState& state,
                                            const Account& account) const {
    std::vector<Leaving> all;
    std::string names;
    for (const auto& device : enrolment.devices) {
        if (name_ && device.name != *name_) continue;
        all.push_back(leaving(device, state));
        if (!all.back().state.next) return past_is_lost(device, account);
        names += (names.empty() ? "" : ", ") + device.name;
    }
    if (all.empty()) return input_failure(no_such_device(account, *name_));
    if (all.size() > 1 && takes_one_device()) {
        return input_failure(
            tr("%1 has several devices: say which with --device (%2)", {account.name, names}));
    }
    return all;
}

KeyUri key_uri(const Leaving& leaving, const Account& account) {
    return {leaving.device.credential, host_name(), account.name};
}

Result<SecretBytes> Export::text_of(const Leaving& leaving, const Account& account) const {
    const auto& credential = leaving.device.credential;
    if (format_ == "google") return format_google_authenticator_file(credential, leaving.state);
    if (format_ == "oath") return format_oath_user(account.name, credential, leaving.state, to_local_time);
    auto uri = format_key_uri(key_uri(leaving, account), UriParameters::not_default);
    uri.append("\n");
    return uri;
}

Result<Done> Export::write_qr(const KeyUri& key) const {
    if (qr_file_.empty()) return Done{};
    const auto symbol = encode_qr(format_key_uri(key, UriParameters::not_default).text());
    if (!symbol) return symbol.failure();
    return write_qr_file(
        qr_file_, *symbol,
        {key.issuer, key.label, in_groups_of_four(base32_encode(key.credential.secret.octets()))});
}

Result<Done> Export::show_qr(const Device& device, const KeyUri& key) const {
    const auto introduction = Introduction::of(device, key, qr_.value_or(automatic_qr), false);
    if (!introduction) return introduction.failure();
    introduction->show();
    return Done{};
}

Json facts_of(const Leaving& leaving, const KeyUri& key, const SecretBytes& text) {
    return {{"user", std::string_view(key.label)},
            {"device", std::string_view(leaving.device.name)},
            {"uri", format_key_uri(key, UriParameters::not_default).text()},
            {"secret", base32_encode(key.credential.secret.octets()).text()},
            {"text", text.text()}};
}

/// Everything that can be refused is, before anything is shown.
Result<Done> Export::give(const Session& session, const std::vector<Leaving>& all) const {
    const auto& account = session.account();
    SecretBytes texts;
    std::vector<Json> facts;
    for (const auto& each : all) {
        const auto text = text_of(each, account);
        if (!text) {
            return input_failure(
                tr("%1's device %2 %3", {account.name, each.device.name, text.failure().message}));
        }
        texts.append(text->text());
        facts.push_back(facts_of(each, key_uri(each, account), *text));
    }
    const auto first = key_uri(all.front(), account);
    if (auto written = write_qr(first); !written) return written.failure();
    for (const auto& each : all) log_change(account, Change::device_exported, each.device.name);
    if (session.json()) {
        for (const auto& each : facts) print_json_line(each);
    } else if (format_ == "qr") {
        return show_qr(all.front().device, first);
    } else {
        show(texts);
    }
    return Done{};
}

int Export::act(const Session& session) {
    std::optional<Enrolment> enrolment;
    LoginState state;
    {
        const auto held = session.hold(HoldFor::login);
        if (!held) return complain(held.failure());
        enrolment = (*held)->enrolment();
        state = (*held)->state();
    }
    if (!enrolment) return complain_unenrolled(session.account());
    const auto all = chosen(*enrolment, state, session.account());
    if (!all) return complain(all.failure());
    if (const auto given = give(session, *all); !given) return complain(given.failure());
    const bool leaves_codes_behind = (format_ == "google" || format_ == "oath") &&
                                     recovery_codes_left(*enrolment, state, std::time(nullptr)) > 0;
    if (leaves_codes_behind)
        complain(tr("the recovery codes stay behind: what is kept of them can't be turned back"));
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_export() { return std::make_unique<Export>(); }

}  // namespace totp
