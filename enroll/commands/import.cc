// totp-enroll import: what other programs enrolled, taken over with its secrets and with what is spent, so
// that nobody's app needs a change.
#include <algorithm>
#include <ctime>
#include <functional>

#include "core/hexadecimal.h"
#include "core/percent.h"
#include "enroll/arrivals.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/device_name.h"
#include "enroll/exit_code.h"
#include "enroll/foreign/adoption.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

// ---- the report

Json texts(const std::vector<Sentence>& all) {
    Json list = Json::array();
    for (const auto& text : all) list.push_back(std::string_view(text.english()));
    return list;
}

Json facts_of(const Adopted& adopted, const ForeignDevice& foreign) {
    const auto& credential = foreign.credential;
    return {{"name", std::string_view(adopted.name)},
            {"new", adopted.is_new},
            {"type", name_of(credential.type)},
            {"algorithm", name_of(credential.algorithm)},
            {"digits", credential.digits},
            {"period", credential.type == CredentialType::totp ? Json(credential.period) : Json()},
            {"recovery_codes", adopted.recovery_codes},
            {"stricter", texts(foreign.stricter)},
            {"not_taken", texts(foreign.not_taken)},
            {"notes", texts(foreign.notes)}};
}

Sentence list_of(const std::vector<Sentence>& clauses) {
    Sentence list;
    for (const auto& clause : clauses) list = list.empty() ? clause : tr("%1, %2", {list, clause});
    return list;
}

Sentence sentence_about(const Adopted& adopted, const ForeignDevice& foreign) {
    if (!adopted.is_new) return tr("%1 is there already", {adopted.name});
    const auto parameters = parameters_of(foreign.credential);
    auto text = tr("%1 is enrolled: %2", {adopted.name, parameters});
    if (adopted.recovery_codes > 0) {
        text = tr_n("%2 is enrolled: %3, %1 recovery code of 8 digits",
                    "%2 is enrolled: %3, %1 recovery codes of 8 digits",
                    static_cast<std::int64_t>(adopted.recovery_codes), {adopted.name, parameters});
    }
    if (!foreign.stricter.empty()) text = tr("%1; stricter here: %2", {text, list_of(foreign.stricter)});
    if (!foreign.not_taken.empty()) text = tr("%1; not taken: %2", {text, list_of(foreign.not_taken)});
    if (!foreign.notes.empty()) text = tr("%1; note: %2", {text, list_of(foreign.notes)});
    return text;
}

struct Imported {
    Adoption adoption;
    bool is_changed = false;
    bool was_past_lost = false;  ///< of what was enrolled before: it began anew
};

void report(const Arrival& arrival, const Imported& imported, bool is_json) {
    Json devices = Json::array();
    Sentence sentences;
    for (std::size_t i = 0; i < imported.adoption.devices.size(); ++i) {
        const auto& adopted = imported.adoption.devices[i];
        devices.push_back(facts_of(adopted, (*arrival.devices)[i]));
        const auto sentence = sentence_about(adopted, (*arrival.devices)[i]);
        sentences = i == 0 ? sentence : tr("%1; %2", {sentences, sentence});
    }
    if (imported.was_past_lost) {
        complain(
            tr("%1: it wasn't known any more what was spent: recovery codes and counters from before don't "
               "count until totp-enroll recovery and totp-enroll resync have run",
               {arrival.user}));
    }
    if (!is_json) {
        const bool is_only_spent = imported.is_changed && !imported.adoption.adds_devices();
        print_line(is_only_spent ? tr("%1: %2, what was used since is spent", {arrival.user, sentences})
                                 : tr("%1: %2", {arrival.user, sentences}));
        return;
    }
    print_json_line({{"user", std::string_view(arrival.user)},
                     {"file", std::string_view(arrival.from)},
                     {"changed", imported.is_changed},
                     {"devices", devices},
                     {"error", Json()}});
}

/// What is wrong with one account or file is no wrong command line: others may have been taken.
int report(const Arrival& arrival, const Failure& failure, bool is_json) {
    const auto code = complain(failure);
    if (is_json) {
        print_json_line({{"user", std::string_view(arrival.user)},
                         {"file", std::string_view(arrival.from)},
                         {"changed", false},
                         {"devices", Json::array()},
                         {"error", failure.message.english()}});
    }
    return code == exit_usage ? int{exit_refused} : code;
}

// ---- the command

class Import : public Command {
  public:
    void declare(Options& options) override;
    int run(const SharedOptions& shared) override;

  private:
    std::optional<Failure> refuse_options(const SharedOptions& shared) const;
    std::vector<Arrival> arrivals(const std::string& user, Accounts accounts) const;
    int take_here(const SharedOptions& shared) const;
    int take_elsewhere(const DatabaseElsewhere& database, const SharedOptions& shared) const;
    /// Goes through all there are; `take` has one of them enrolled.
    int take_all(const SharedOptions& shared, Accounts accounts,
                 const std::function<Result<Imported>(const Arrival&)>& take) const;
    Result<Imported> adopt_here(const Arrival& arrival, SharedOptions shared) const;
    Result<Imported> adopt_elsewhere(const AccountElsewhere& account, const Arrival& arrival) const;
    Result<Imported> adopt_into(const Session& session, const Arrival& arrival) const;
    /// Why devices that are new to an enrolled account aren't added to it, as a clause after its name.
    std::optional<Failure> refuse_further(const Arrival& arrival, const Enrolment& enrolment,
                                          const Adoption& adoption) const;

    std::string format_;
    std::vector<std::string> files_;
    bool is_of_all_homes_ = false;
    std::optional<std::string> name_;
};

void Import::declare(Options& options) {
    options.value("format", format_, "FORMAT", "What the files are: google, oath or uri")
        .is_one_of({"google", "oath", "uri"})
        .is_required();
    options.value("file", files_, "FILE", "The files; - is stdin");
    options.flag("--all-homes", is_of_all_homes_, "The .google_authenticator of every account");
    options.value("--device", name_, "NAME", "What to call the device [phone, phone-2, …]");
    options.example("totp-enroll import google --all-homes");
}

std::optional<Failure> Import::refuse_options(const SharedOptions& shared) const {
    if (!is_root()) return Failure{Trouble::caller, tr("import is for root: it takes over others' secrets")};
    if (auto failure = refuse_device_name(name_)) return failure;
    const bool is_google = format_ == "google";
    if (is_of_all_homes_ && !is_google) return input_failure(tr("--all-homes is for import google"));
    if (is_of_all_homes_ && (!files_.empty() || !shared.user.empty()))
        return input_failure(tr("--all-homes takes every account: leave --user and the files out"));
    if (files_.empty() && !is_of_all_homes_ && (!is_google || shared.user.empty())) {
        return input_failure(is_google ? tr("name the files, or say --user NAME or --all-homes")
                                       : tr("name the files"));
    }
    const bool is_of_nobody = shared.user.empty() && format_ != "oath";
    if (is_of_nobody && (format_ == "uri" || std::ranges::count(files_, "-") > 0))
        return input_failure(tr("say whose it is: --user NAME"));
    return std::nullopt;
}

std::vector<Arrival> Import::arrivals(const std::string& user, Accounts accounts) const {
    if (is_of_all_homes_) return google_files_of_all();
    if (files_.empty()) return {google_file_of(user)};
    std::vector<Arrival> all;
    for (const auto& file : files_) {
        if (format_ == "google") all.push_back(google_file_at(file, user));
        if (format_ == "uri") all.push_back(uris_at(file, user));
        if (format_ == "oath")
            std::ranges::move(oath_users_at(file, user, accounts), std::back_inserter(all));
    }
    return all;
}

/// Who runs as the user can write the file in their home, but must not add a device to what is enrolled.
std::optional<Failure> Import::refuse_further(const Arrival& arrival, const Enrolment& enrolment,
                                              const Adoption& adoption) const {
    if (!is_of_all_homes_ || enrolment.devices.empty() || !adoption.adds_devices()) return std::nullopt;
    return input_failure(
        tr("is enrolled, and %1 has another secret: if it is theirs, import that file by its name",
           {printable_path(arrival.from)}));
}

/// Where only more is spent, the enrolment isn't written.
Result<Done> keep(HeldAccount& held, const Account& account, const Adoption& adoption, UnixTime now) {
    auto state = adoption.state;
    if (!adoption.adds_devices()) return held.commit(std::move(state));
    note_change(state, {.last = now, .added_device = true});
    if (auto enrolled = held.enrol(adoption.enrolment, std::move(state)); !enrolled) return enrolled;
    for (const auto& each : adoption.devices) {
        if (each.is_new) log_change(account, Change::device_added, each.name);
    }
    return Done{};
}

Result<Imported> Import::adopt_into(const Session& session, const Arrival& arrival) const {
    const auto held = session.hold(HoldFor::change);
    if (!held) return held.failure();
    const auto about_account = [&](const Failure& failure) {
        return Failure{failure.trouble, tr("%1 %2", {session.account().name, failure.message})};
    };
    const auto now = std::time(nullptr);
    const auto enrolment = (*held)->enrolment().value_or(Enrolment{});
    auto adoption =
        adopt(enrolment, (*held)->state(), *arrival.devices, name_, session.settings().policy, now);
    if (!adoption) return about_account(adoption.failure());
    if (const auto failure = refuse_further(arrival, enrolment, *adoption)) return about_account(*failure);
    const bool is_changed = adoption->adds_devices() || adoption->state != (*held)->state();
    const bool was_past_lost = device_without_state(enrolment, (*held)->state()) != nullptr;
    if (is_changed) {
        if (auto kept = keep(**held, session.account(), *adoption, now); !kept) return kept.failure();
    }
    return Imported{*std::move(adoption), is_changed, was_past_lost};
}

Result<Imported> Import::adopt_here(const Arrival& arrival, SharedOptions shared) const {
    shared.user = arrival.user;
    const auto session = open_session(shared);
    if (!session) return session.failure();
    return adopt_into(*session, arrival);
}

// ---- into a database

/// As totp.foreign_device is filled.
Json order_of(const ForeignDevice& foreign) {
    const auto& credential = foreign.credential;
    Json digits = Json::array();
    for (const auto& code : foreign.recovery_digits) digits.push_back(code.text());
    SecretBytes secret("\\x");
    secret.append(hexadecimal(credential.secret.octets()));
    return {{"type", name_of(credential.type)},
            {"algorithm", name_of(credential.algorithm)},
            {"digits", credential.digits},
            {"period", credential.type == CredentialType::totp ? Json(credential.period) : Json()},
            {"secret", secret.text()},
            {"next", foreign.next},
            {"drift", foreign.drift},
            {"last_used", foreign.last_used},
            {"recovery_digits", digits}};
}

/// What the database says it did; nothing where that makes no sense for so many devices.
std::optional<Imported> imported_by(const Values& facts, std::size_t count) {
    const auto text = one_text_of(facts);
    const auto said = text ? Json::parse(*text, nullptr, false) : Json();
    if (!said.is_object() || !said.contains("changed") || !said.contains("devices")) return std::nullopt;
    if (!said["changed"].is_boolean() || said["devices"].size() != count) return std::nullopt;
    Imported imported{{}, said["changed"].get<bool>()};
    imported.adoption.devices.reserve(count);
    for (const auto& device : said["devices"]) {
        imported.adoption.devices.push_back(
            {.name = text_of(device.at("name")),
             .is_new = device.at("new").get<bool>(),
             .recovery_codes = device.at("recovery_codes").get<std::size_t>()});
    }
    return imported;
}

/// The clock, the names and the limits that count are the database's: it decides as adopt() does.
Result<Imported> Import::adopt_elsewhere(const AccountElsewhere& account, const Arrival& arrival) const {
    Json devices = Json::array();
    for (const auto& foreign : *arrival.devices) devices.push_back(order_of(foreign));
    const auto text = devices.dump();
    const auto facts =
        account.order("adopt", {SecretBytes(std::string_view(text)), name_ ? value_of(*name_) : std::nullopt,
                                value_of(is_of_all_homes_ ? "f" : "t")});
    if (!facts) {
        const auto& [trouble, message] = facts.failure();
        return Failure{trouble, tr("%1: %2", {printable(arrival.user), message})};
    }
    auto imported = imported_by(*facts, arrival.devices->size());
    if (!imported) return senseless(arrival.user);
    for (const auto& each : imported->adoption.devices) {
        if (each.is_new) log_change(account.account(), Change::device_added, each.name);
    }
    return *std::move(imported);
}

// ---- all of them

int Import::take_all(const SharedOptions& shared, Accounts accounts,
                     const std::function<Result<Imported>(const Arrival&)>& take) const {
    const auto all = arrivals(shared.user, accounts);
    if (all.empty() && !shared.json) print_line(tr("No account has a .google_authenticator."));
    int code = exit_done;
    for (const auto& arrival : all) {
        const auto imported = arrival.devices ? take(arrival) : arrival.devices.failure();
        if (imported) report(arrival, *imported, shared.json);
        if (!imported) code = std::max(code, report(arrival, imported.failure(), shared.json));
    }
    return code;
}

int Import::take_here(const SharedOptions& shared) const {
    const auto installation = find_accounts(shared);
    if (!installation) return complain(installation.failure());
    if (const auto prepared = prepare_store(*installation); !prepared) return complain(prepared.failure());
    return take_all(shared, Accounts::of_this_machine,
                    [&](const Arrival& arrival) { return adopt_here(arrival, shared); });
}

int Import::take_elsewhere(const DatabaseElsewhere& database, const SharedOptions& shared) const {
    return take_all(shared, Accounts::of_a_database, [&](const Arrival& arrival) {
        return adopt_elsewhere(AccountElsewhere(Account{arrival.user}, database, shared.json), arrival);
    });
}

int Import::run(const SharedOptions& shared) {
    if (const auto failure = refuse_options(shared)) return complain(*failure);
    const auto database = find_database_of_all(shared);
    if (!database) return complain(database.failure());
    return *database ? take_elsewhere(**database, shared) : take_here(shared);
}

}  // namespace

std::unique_ptr<Command> make_import() { return std::make_unique<Import>(); }

}  // namespace totp
