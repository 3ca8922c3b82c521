// totp-enroll bulk: enrols many accounts from a list, each with a picture and a text to hand over. Killed at
// any moment, the same command goes on.
#include <algorithm>
#include <cerrno>
#include <map>
#include <thread>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "core/host_name.h"
#include "core/percent.h"
#include "enroll/bulk/account_list.h"
#include "enroll/bulk/crew.h"
#include "enroll/bulk/progress_bar.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/device_name.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_list = 16'777'216;
constexpr std::size_t part_of_list = 65'536;
constexpr std::size_t longest_file_name = 255;
constexpr std::size_t dot_and_suffix = 5;
constexpr unsigned members_for_a_processor = 2;
constexpr unsigned least_members = 48;  // who waits for the disk shares that with all who wait

// ---- the report

/// A line of the list, and as far as it is known whom it is about.
struct Subject {
    int line = 0;
    std::string user;
    std::string device;
    std::string text;     ///< where what is to be handed over lies
    std::string picture;  ///< likewise
};

/// What came of all lines so far.
struct Tally {
    std::size_t enrolled = 0;
    std::size_t done_before = 0;
    std::size_t failed = 0;
    int code = exit_done;

    std::size_t done() const { return enrolled + done_before + failed; }
};

std::string_view word_for(Ending ending) { return ending == Ending::enrolled ? "enrolled" : "done_before"; }

/// Of somebody else's enrolment there is nothing to tell.
Subject known_of(const Subject& subject, Ending ending) {
    return ending == Ending::done_elsewhere ? Subject{.line = subject.line, .user = subject.user} : subject;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(std::string_view(text)); }

void print_facts(const Subject& subject, std::string_view outcome, const std::string& error) {
    const bool is_there = error.empty();
    print_json_line({{"line", subject.line},
                     {"user", text_or_null(subject.user)},
                     {"outcome", outcome},
                     {"device", is_there ? text_or_null(subject.device) : Json()},
                     {"record", is_there ? text_or_null(subject.text) : Json()},
                     {"picture", is_there ? text_or_null(subject.picture) : Json()},
                     {"error", text_or_null(error)}});
}

/// What is wrong with one line is no wrong command line: the others are gone on with. So the highest code
/// tells what was worst.
void report_failure(const Subject& subject, const Failure& failure, bool is_json, Tally& tally) {
    const auto code = complain(failure);
    if (is_json) print_facts(subject, "failed", failure.message.english());
    tally.code = std::max(tally.code, code == exit_usage ? int{exit_refused} : code);
    ++tally.failed;
}

// ---- the command

class Bulk : public Command {
  public:
    void declare(Options& options) override;
    int run(const SharedOptions& shared) override;
    Sentence way_out_of_lost_output() const override { return tr(": the same command goes on"); }

  private:
    std::optional<Failure> refuse_options(const SharedOptions& shared) const;
    Result<std::vector<ListLine>> read_list() const;
    Result<Enrollee> enrollee_of(const ListLine& line) const;
    Result<Account> account_of(const ListLine& line) const;
    /// Whom the line is of, if no earlier one is.
    Result<Enrollee> take_line(const ListLine& line);
    int enrol_in_files(const std::vector<ListLine>& lines, const SharedOptions& shared);
    int enrol_in(const Register& accounts, const std::vector<ListLine>& lines, bool is_json);
    void enrol(const std::vector<ListLine>& lines, const Enrolling& enrolling, const OutDirectory& out,
               bool is_json);
    void report(const Crew::HandedIn& done, const ListLine& line, const OutDirectory& out, bool is_json);
    void report_of(const Enrollee& enrollee, const Result<Ending>& outcome, const OutDirectory& out,
                   bool is_json);
    int conclude(std::size_t all, const OutDirectory& out, bool is_json) const;
    std::string name_of_list() const { return file_ == "-" ? "stdin" : file_; }

    std::string file_;
    std::string out_;
    std::optional<std::string> device_;
    std::string issuer_ = host_name();
    std::size_t recovery_codes_ = usual_recovery_codes;
    bool is_elsewhere_ = false;           ///< the accounts are a database's
    std::map<std::string, int> line_of_;  ///< by account
    Tally tally_;
};

void Bulk::declare(Options& options) {
    options.value("file", file_, "FILE", "The accounts, one a line or as CSV; - is stdin").is_required();
    options.value("--out", out_, "DIR", "Where what is handed over goes: a directory of root's alone")
        .is_required();
    options.value("--device", device_, "NAME", "What to call a device where FILE doesn't say [phone]");
    options.value("--issuer", issuer_, "TEXT", "Who the app says the account is with [this host's name]");
    options.value("--recovery-codes", recovery_codes_, "N", "How many recovery codes to make, 0 to 32 [10]")
        .is_between(0, static_cast<int>(maximum_recovery_codes));
    options.example("totp-enroll bulk staff.csv --out /root/staff");
}

std::optional<Failure> Bulk::refuse_options(const SharedOptions& shared) const {
    if (!is_root()) return Failure{Trouble::caller, tr("bulk is for root: it makes others' secrets")};
    if (!shared.user.empty()) return input_failure(tr("--user isn't for bulk: the accounts stand in FILE"));
    if (const auto wrong = wrong_text(issuer_); !wrong.empty())
        return input_failure(tr("%1 has %2 in it", {"--issuer", wrong}));
    return refuse_device_name(device_);
}

Result<std::vector<ListLine>> Bulk::read_list() const {
    const auto name = printable_path(name_of_list());
    const Descriptor file(file_ == "-" ? dup(STDIN_FILENO)
                                       : open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    std::string text;
    for (SecretBytes part(1); !part.empty(); text += part.text()) {
        if (!file || read_whole(file, part_of_list, part) != 0) {
            return input_failure(tr("%1 can't be read: %2", {name, Sentence::of_error(errno)}));
        }
        if (text.size() > longest_list)
            return input_failure(tr("%1 has more than 16 MiB: cut it in pieces", {name}));
    }
    return parse_account_list(text, name_of_list());
}

/// Those of a database needn't have an account on this machine.
Result<Account> Bulk::account_of(const ListLine& line) const {
    const auto& name = line.account->user;
    if (is_elsewhere_) return Account{name};
    const auto* entry = getpwnam(name.c_str());
    if (entry != nullptr) return Account{entry->pw_name, entry->pw_uid};
    return input_failure(tr("%1 names %2, who isn't an account of this machine: see getent passwd",
                            {place_in_list(name_of_list(), line.number), printable(name)}));
}

Result<Enrollee> Bulk::enrollee_of(const ListLine& line) const {
    if (!line.account) return line.account.failure();
    const auto& listed = *line.account;
    const auto place = place_in_list(name_of_list(), line.number);
    const auto user = printable(listed.user);
    const auto account = account_of(line);
    if (!account) return account.failure();
    Enrollee enrollee{.line = line.number,
                      .account = *account,
                      .record = record_name(account->name).value_or(""),
                      .device = listed.device,
                      .issuer = listed.issuer.empty() ? issuer_ : listed.issuer,
                      .label = listed.label.empty() ? account->name : listed.label};
    if (enrollee.device.empty()) enrollee.device = device_.value_or(free_device_name({}));
    if (enrollee.record.empty() || enrollee.record.size() > longest_file_name - dot_and_suffix) {
        return input_failure(tr("%1 names %2, which is too long for the name of a file", {place, user}));
    }
    if (const auto text = wrong_text(enrollee.account.name); !text.empty())
        return input_failure(tr("%1 names %2, which has %3 in it", {place, user, text}));
    return enrollee;
}

Result<Enrollee> Bulk::take_line(const ListLine& line) {
    auto enrollee = enrollee_of(line);
    if (!enrollee) return enrollee;
    const auto [earlier, is_first] = line_of_.emplace(enrollee->account.name, line.number);
    if (!is_first) {
        return input_failure(
            tr("%1 names %2 again, who is in line %3", {place_in_list(name_of_list(), line.number),
                                                        printable(enrollee->account.name), earlier->second}));
    }
    return enrollee;
}

void Bulk::report_of(const Enrollee& enrollee, const Result<Ending>& outcome, const OutDirectory& out,
                     bool is_json) {
    const Subject subject{enrollee.line, enrollee.account.name, enrollee.device,
                          out.path_of_text(enrollee.record), out.path_of_picture(enrollee.record)};
    if (!outcome) {
        const auto& [trouble, message] = outcome.failure();
        const auto place = place_in_list(name_of_list(), enrollee.line);
        report_failure(subject, {trouble, tr("%1: %2", {place, message})}, is_json, tally_);
        return;
    }
    if (*outcome == Ending::enrolled) log_change(enrollee.account, Change::device_added, enrollee.device);
    ++(*outcome == Ending::enrolled ? tally_.enrolled : tally_.done_before);
    if (is_json) print_facts(known_of(subject, *outcome), word_for(*outcome), "");
}

void Bulk::report(const Crew::HandedIn& done, const ListLine& line, const OutDirectory& out, bool is_json) {
    if (done.enrollee) return report_of(*done.enrollee, done.outcome, out, is_json);
    const auto user = line.account ? line.account->user : "";
    report_failure({.line = line.number, .user = user}, done.outcome.failure(), is_json, tally_);
}

void Bulk::enrol(const std::vector<ListLine>& lines, const Enrolling& enrolling, const OutDirectory& out,
                 bool is_json) {
    const SignalsHeldBack signals;
    const std::size_t members =
        std::max(std::thread::hardware_concurrency() * members_for_a_processor, least_members);
    ProgressBar bar(lines.size(), !is_json);
    {
        Crew crew(
            lines.size(), std::min(members, lines.size()),
            [&](std::size_t line) { return take_line(lines[line]); },
            [&](const Enrollee& enrollee) { return enrolling.enrol(enrollee); });
        while (!crew.is_over()) {
            for (const auto& done : crew.wait(100ms)) {
                if (!done.outcome) bar.erase();
                report(done, lines[done.line], out, is_json);
            }
            bar.draw(tally_.done(), tally_.enrolled);
            if (signals.have_come()) crew.stop();
        }
    }
    bar.erase();
    tally_.code = std::max(tally_.code, conclude(lines.size(), out, is_json));
}

/// What is said in the end; returns the exit code that goes with it.
int Bulk::conclude(std::size_t all, const OutDirectory& out, bool is_json) const {
    const auto durable = out.make_durable();
    const auto code = durable ? int{exit_done} : complain(durable.failure());
    if (!is_json) {
        print_line(tr("%1 enrolled, %2 done before, %3 failed. What is to be handed over is in %4.",
                      {tally_.enrolled, tally_.done_before, tally_.failed, out_}));
    }
    if (tally_.done() < all) {
        complain(tr("interrupted: %1 are left; the same command goes on with them", {all - tally_.done()}));
        return std::max(code, int{exit_refused});
    }
    return code;
}

int Bulk::enrol_in(const Register& accounts, const std::vector<ListLine>& lines, bool is_json) {
    const auto out = OutDirectory::open(out_);
    if (!out) return complain(out.failure());
    enrol(lines, Enrolling(accounts, *out, recovery_codes_), *out, is_json);
    return tally_.code;
}

int Bulk::enrol_in_files(const std::vector<ListLine>& lines, const SharedOptions& shared) {
    const auto installation = find_accounts(shared);
    if (!installation) return complain(installation.failure());
    if (const auto prepared = prepare_store(*installation); !prepared) return complain(prepared.failure());
    const auto store = open_store_directory(installation->places);
    if (!store) return complain(store.failure());
    // Each would hinder the other for long: a rekey has to be alone for a moment.
    const auto no_rekey = DirectoryLock::take(*store, Lock::shared, "totp-enroll rekey");
    if (!no_rekey) return complain(no_rekey.failure());
    return enrol_in(RegisterInFiles(installation->places, installation->settings.missing_state), lines,
                    shared.json);
}

int Bulk::run(const SharedOptions& shared) {
    if (const auto failure = refuse_options(shared)) return complain(*failure);
    const auto lines = read_list();
    if (!lines) return complain(lines.failure());
    const auto database = find_database_of_all(shared);
    if (!database) return complain(database.failure());
    is_elsewhere_ = database->has_value();
    return is_elsewhere_ ? enrol_in(RegisterInDatabase(**database), *lines, shared.json)
                         : enrol_in_files(*lines, shared);
}

}  // namespace

std::unique_ptr<Command> make_bulk() { return std::make_unique<Bulk>(); }

}  // namespace totp
