#include "enroll/doctor/account_judgement.h"

#include <algorithm>

#include "core/percent.h"
#include "core/shell_words.h"
#include "core/throttle.h"
#include "enroll/doctor/many.h"

namespace totp {
namespace {

/// Clocks of two hosts that share login states differ a little.
constexpr UnixTime seconds_clocks_may_differ = 60;

Sentence duration(UnixTime seconds) {
    if (seconds < 120) return tr_n("%1 second", "%1 seconds", seconds);
    if (seconds < 7'200) return tr_n("%1 minute", "%1 minutes", seconds / 60);
    if (seconds < 172'800) return tr_n("%1 hour", "%1 hours", seconds / 3'600);
    return tr_n("%1 day", "%1 days", seconds / 86'400);
}

std::string path_in(const std::string& directory, const std::string& record) {
    return directory + "/" + record;
}

std::int64_t count_of(const std::vector<std::string>& names) {
    return static_cast<std::int64_t>(names.size());
}

class AccountJudge {
  public:
    AccountJudge(std::vector<AccountFacts> accounts, const std::vector<Door>& doors, UnixTime now,
                 std::string (*time_text)(UnixTime), const ExaminedAccounts& examined)
        : accounts_(std::move(accounts)),
          doors_(doors),
          now_(now),
          time_text_(time_text),
          examined_(examined) {}

    std::vector<CheckFinding> judge() {
        if (are_for_emergencies_alone()) {
            leave_out_who_has_no_break_glass();
            judge_unusable();
            judge_locks();
            judge_emergency_codes();
            return std::move(findings_);
        }
        judge_unusable();
        judge_clock();
        judge_spent_ahead();
        judge_locks();
        judge_recovery_codes();
        judge_unenrolled();
        judge_strangers();
        return std::move(findings_);
    }

  private:
    /// A database has the accounts, and no door asks about those of this machine all the same.
    bool are_for_emergencies_alone() const {
        const auto& examined = examined_.settings;
        return examined.engine != Engine::files && std::ranges::none_of(doors_, [&](const Door& door) {
                   return std::ranges::any_of(door.settings,
                                              [&](const Settings& line) { return is_about(line, examined); });
               });
    }
    void leave_out_who_has_no_break_glass() {
        const auto& names = examined_.settings.break_glass;
        std::erase_if(accounts_, [&](const AccountFacts& account) {
            return std::ranges::find(names, account.name) == names.end();
        });
    }

    /// Of totp-enroll, up to the account's name.
    std::string command(const std::string& words) const {
        return command_line("totp-enroll " + words, examined_.options) + " --user";
    }
    template <class Condition>
    std::vector<std::string> names_where(Condition is_so) const {
        std::vector<std::string> names;
        for (const auto& account : accounts_) {
            if (is_so(account)) names.push_back(account.name);
        }
        return names;
    }
    /// `sentence` is of nobody where there are no names. `command` is typed for each, with its name behind.
    void add(Severity severity, const std::string& kind, std::vector<std::string> names, Sentence sentence,
             const std::string& command) {
        if (names.empty()) return;
        Sentence change;
        if (!command.empty()) {
            change = names.size() <= most_named ? Sentence(command_for_each(command, names))
                                                : tr("%1 NAME, for each: --json has all names", {command});
        }
        findings_.push_back({severity,
                             kind,
                             tr("accounts"),
                             std::move(sentence),
                             {},
                             std::move(change),
                             {},
                             std::move(names)});
    }

    // ---- records

    void judge_unusable() {
        for (const auto trouble : {Trouble::key, Trouble::store, Trouble::system}) {
            const auto is_so = [&](const AccountFacts& account) {
                return account.failure && account.failure->trouble == trouble;
            };
            auto names = names_where(is_so);
            if (names.empty()) continue;
            const auto first = std::ranges::find_if(accounts_, is_so);
            CheckFinding finding{Severity::fault, trouble == Trouble::key ? "other_key" : "unusable",
                                 tr("accounts")};
            finding.sentence =
                tr("%1 can't get in by a code: %2", {names_in_words(names), first->failure->message});
            if (names.size() > 1) {
                finding.sentence =
                    tr("%1 (and so on: %2)",
                       {finding.sentence, command_line("totp-enroll status --all", examined_.options)});
            }
            finding.accounts = std::move(names);
            findings_.push_back(std::move(finding));
        }
    }
    void judge_strangers() {
        const auto names =
            names_where([](const AccountFacts& account) { return account.has_record && !account.exists; });
        add(Severity::warning, "stranger", names,
            tr_n(
                "%2 has a record, but this machine knows no such account, unless a directory service doesn't "
                "answer now: a new one of that name would meet it",
                "%2 have records, but this machine knows no such accounts, unless a directory service "
                "doesn't answer now: new ones of these names would meet them",
                count_of(names), {names_in_words(names)}),
            "");
        if (!names.empty()) findings_.back().change = removal_of(names);
    }
    Sentence removal_of(const std::vector<std::string>& names) const {
        std::vector<std::string> paths;
        for (const auto& name : names) {
            const auto record = record_name(name).value_or("");
            paths.push_back(path_in(examined_.settings.store + "/enrolled", record));
            paths.push_back(path_in(examined_.settings.state_directory(), record));
            if (paths.size() / 2 == most_named) break;
        }
        const auto command = command_line("rm -f", paths);
        return names.size() > most_named ? tr("%1, and so on: --json has all names", {command})
                                         : Sentence(command);
    }

    // ---- the clock

    void judge_clock() {
        const auto latest = std::ranges::max_element(accounts_, {}, &AccountFacts::last_use);
        if (latest == accounts_.end() || latest->last_use <= now_ + seconds_clocks_may_differ) return;
        findings_.push_back(
            {Severity::fault,
             "clock_set_back",
             tr("clock"),
             tr("%1 logged in at %2, which is %3 from now: it was ahead then, or is behind now, and right "
                "codes are refused",
                {printable(latest->name), time_text_(latest->last_use), duration(latest->last_use - now_)}),
             {},
             tr("set it, and have it kept so: timedatectl set-ntp true")});
    }
    /// What is spent stays so until that time: only another secret helps before. First that, for an account
    /// without any may be open.
    void judge_spent_ahead() {
        std::vector<std::string> names;
        std::string commands;
        UnixTime until = 0;
        for (const auto& account : accounts_) {
            if (account.spent_ahead.empty()) continue;
            names.push_back(account.name);
            commands += (commands.empty() ? "" : " && ") + command_line(command("add"), {account.name});
            for (const auto& device : account.spent_ahead) {
                until = std::max(until, device.until);
                commands +=
                    " && " + command_line(command("remove --yes"), {account.name, "--device", device.device});
            }
        }
        add(Severity::fault, "spent_ahead", names,
            tr_n("%2 can't get in by the app before %3: the codes until then were spent while the clock was "
                 "ahead",
                 "%2 can't get in by the app, the last of them before %3: the codes until then were spent "
                 "while the clock was ahead",
                 count_of(names), {names_in_words(names), time_text_(until)}),
            "");
        if (until == 0) return;
        findings_.back().change =
            names.size() > most_named
                ? tr("%1 NAME and %2 NAME --device DEVICE, for each: --json has all names",
                     {command("add"), command("remove --yes")})
                : Sentence(commands);
    }

    // ---- who can't get in, or soon can't

    static bool is_locked_for_good(const AccountFacts& account) {
        return account.locked_known == no_end || account.locked_elsewhere == no_end;
    }
    void judge_locks() {
        const auto locked = names_where(is_locked_for_good);
        add(Severity::fault, "locked", locked,
            tr_n("%2 is locked, after too many wrong codes, until somebody unlocks it",
                 "%2 are locked, after too many wrong codes, until somebody unlocks them", count_of(locked),
                 {names_in_words(locked)}),
            command("unlock"));
        UnixTime until = 0;
        const auto waiting = names_where([&](const AccountFacts& account) {
            const bool waits =
                !is_locked_for_good(account) && (account.locked_known || account.locked_elsewhere);
            if (!waits) return false;
            until = std::max({until, account.locked_known.value_or(0), account.locked_elsewhere.value_or(0)});
            return true;
        });
        add(Severity::warning, "waits", waiting,
            tr_n("%2 has to wait after wrong codes, until %3",
                 "%2 have to wait after wrong codes, the last of them until %3", count_of(waiting),
                 {names_in_words(waiting), time_text_(until)}),
            command("unlock"));
    }
    static bool is_without_recovery_codes(const AccountFacts& account) {
        return account.is_enrolled && account.recovery_codes_left == 0;
    }
    void judge_emergency_codes() {
        const auto names = names_where(is_without_recovery_codes);
        add(Severity::warning, "no_recovery_codes", names,
            tr_n("%2 has no recovery codes of this machine left for while the database can't be used",
                 "%2 have no recovery codes of this machine left for while the database can't be used",
                 count_of(names), {names_in_words(names)}),
            command("recovery"));
    }
    void judge_recovery_codes() {
        const auto names = names_where(is_without_recovery_codes);
        add(Severity::warning, "no_recovery_codes", names,
            tr_n("%2 has no recovery codes left: without the device there is no way in",
                 "%2 have no recovery codes left: without the device there is no way in", count_of(names),
                 {names_in_words(names)}),
            command("recovery"));
    }

    // ---- who isn't enrolled

    void judge_unenrolled() {
        const auto names = names_where([](const AccountFacts& account) {
            return account.can_log_in && !account.is_enrolled && !account.failure;
        });
        const auto whose = names_in_words(names);
        const auto count = count_of(names);
        if (const auto where = doors_that(Unenrolled::refuse); !where.empty()) {
            add(Severity::fault, "must_enrol", names,
                tr_n("%2 isn't enrolled and doesn't get in (%3)", "%2 aren't enrolled and don't get in (%3)",
                     count, {whose, where}),
                command("add"));
        }
        if (const auto where = doors_that(Unenrolled::enrol); !where.empty()) {
            add(Severity::remark, "will_enrol", names,
                tr_n("%2 enrols at the next login (%3)", "%2 enrol at their next login (%3)", count,
                     {whose, where}),
                "");
        }
        if (const auto where = doors_that(Unenrolled::ignore); !where.empty()) {
            add(Severity::remark, "not_enrolled", names,
                tr_n("%2 isn't enrolled and gets in by the password alone (%3)",
                     "%2 aren't enrolled and get in by the password alone (%3)", count, {whose, where}),
                command("add"));
        }
    }
    /// The services at which that comes of who isn't enrolled here; empty where there are none.
    Sentence doors_that(Unenrolled what) const {
        std::vector<std::string> services;
        for (const auto& door : doors_) {
            const bool asks_here = std::ranges::all_of(
                door.settings, [&](const Settings& line) { return is_about(line, examined_.settings); });
            if (asks_here && door.unenrolled == what) services.push_back(door.service);
        }
        return names_in_words(services);
    }

    std::vector<AccountFacts> accounts_;
    const std::vector<Door>& doors_;
    UnixTime now_;
    std::string (*time_text_)(UnixTime);
    const ExaminedAccounts& examined_;
    std::vector<CheckFinding> findings_;
};

}  // namespace

std::vector<CheckFinding> judge_accounts(std::vector<AccountFacts> accounts, const std::vector<Door>& doors,
                                         UnixTime now, std::string (*time_text)(UnixTime),
                                         const ExaminedAccounts& examined) {
    return AccountJudge(std::move(accounts), doors, now, time_text, examined).judge();
}

}  // namespace totp
