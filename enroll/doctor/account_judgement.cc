#include "enroll/doctor/account_judgement.h"

#include <algorithm>

#include "core/percent.h"
#include "core/throttle.h"
#include "enroll/doctor/many.h"
#include "enroll/doctor/shell_words.h"

namespace totp {
namespace {

/// Clocks of two hosts that share login states differ a little.
constexpr UnixTime seconds_clocks_may_differ = 60;

std::string duration(UnixTime seconds) {
    if (seconds < 120) return std::to_string(seconds) + " seconds";
    if (seconds < 7'200) return std::to_string(seconds / 60) + " minutes";
    if (seconds < 172'800) return std::to_string(seconds / 3'600) + " hours";
    return std::to_string(seconds / 86'400) + " days";
}

std::string path_in(const std::string& directory, const std::string& record) {
    return directory + "/" + record;
}

class AccountJudge {
  public:
    AccountJudge(const std::vector<AccountFacts>& accounts, const std::vector<Door>& doors, UnixTime now,
                 std::string (*time_text)(UnixTime), const FileStorePlaces& places)
        : accounts_(accounts),
          doors_(doors),
          now_(now),
          time_text_(time_text),
          enrolled_(places.store + "/enrolled"),
          state_(places.state) {}

    std::vector<CheckFinding> judge() {
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
    template <class Condition>
    std::vector<std::string> names_where(Condition is_so) const {
        std::vector<std::string> names;
        for (const auto& account : accounts_) {
            if (is_so(account)) names.push_back(account.name);
        }
        return names;
    }
    /// `command` is typed for each, with its name behind.
    void add(Severity severity, const std::string& kind, std::vector<std::string> names,
             const std::string& one, const std::string& many, const std::string& command) {
        if (names.empty()) return;
        std::string change;
        if (!command.empty()) {
            change = names.size() <= most_named ? command_for_each(command, names)
                                                : command + " NAME, for each: --json has all names";
        }
        auto sentence = names_in_words(names) + " " + by_count(names.size(), one, many);
        findings_.push_back(
            {severity, kind, "accounts", std::move(sentence), {}, std::move(change), {}, std::move(names)});
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
                                 "accounts"};
            finding.sentence =
                names_in_words(names) + " can't get in by a code: " + first->failure->message.english();
            if (names.size() > 1) finding.sentence += " (and so on: totp-enroll status --all)";
            finding.accounts = std::move(names);
            findings_.push_back(std::move(finding));
        }
    }
    void judge_strangers() {
        const auto names =
            names_where([](const AccountFacts& account) { return account.has_record && !account.exists; });
        add(Severity::warning, "stranger", names,
            "has a record, but this machine knows no such account, unless a directory service doesn't answer "
            "now: a new one of that name would meet it",
            "have records, but this machine knows no such accounts, unless a directory service doesn't "
            "answer "
            "now: new ones of these names would meet them",
            "");
        if (!names.empty()) findings_.back().change = removal_of(names);
    }
    std::string removal_of(const std::vector<std::string>& names) const {
        std::vector<std::string> paths;
        for (const auto& name : names) {
            const auto record = record_name(name).value_or("");
            paths.push_back(path_in(enrolled_, record));
            paths.push_back(path_in(state_, record));
            if (paths.size() / 2 == most_named) break;
        }
        return command_line("rm -f", paths) +
               (names.size() > most_named ? ", and so on: --json has all names" : "");
    }

    // ---- the clock

    void judge_clock() {
        const auto latest = std::ranges::max_element(accounts_, {}, &AccountFacts::last_use);
        if (latest == accounts_.end() || latest->last_use <= now_ + seconds_clocks_may_differ) return;
        findings_.push_back(
            {Severity::fault,
             "clock_set_back",
             "clock",
             printable(latest->name) + " logged in at " + time_text_(latest->last_use) + ", which is " +
                 duration(latest->last_use - now_) +
                 " from now: it was ahead then, or is behind now, and right codes are refused",
             {},
             "set it, and have it kept so: timedatectl set-ntp true"});
    }
    /// What is spent stays so until that time: only another secret helps before.
    void judge_spent_ahead() {
        std::vector<std::string> names;
        std::string change;
        UnixTime until = 0;
        for (const auto& account : accounts_) {
            for (const auto& device : account.spent_ahead) {
                until = std::max(until, device.until);
                change += change.empty() ? "" : " && ";
                change += command_line("totp-enroll remove --yes --user",
                                       {account.name, "--device", device.device});
            }
            if (account.spent_ahead.empty()) continue;
            change += command_line(" && totp-enroll add --user", {account.name});
            names.push_back(account.name);
        }
        if (names.size() > most_named) {
            change =
                "totp-enroll remove --yes --user NAME --device DEVICE and totp-enroll add --user NAME, for "
                "each: --json has all names";
        }
        add(Severity::fault, "spent_ahead", std::move(names),
            "can't get in by the app before " + time_text_(until) +
                ": the codes until then were spent while the clock was ahead",
            "can't get in by the app, the last of them before " + time_text_(until) +
                ": the codes until then were spent while the clock was ahead",
            "");
        if (until != 0) findings_.back().change = change;
    }

    // ---- who can't get in, or soon can't

    static bool is_locked_for_good(const AccountFacts& account) {
        return account.locked_known == no_end || account.locked_elsewhere == no_end;
    }
    void judge_locks() {
        add(Severity::fault, "locked", names_where(is_locked_for_good),
            "is locked, after too many wrong codes, until somebody unlocks it",
            "are locked, after too many wrong codes, until somebody unlocks them",
            "totp-enroll unlock --user");
        UnixTime until = 0;
        auto names = names_where([&](const AccountFacts& account) {
            const bool waits =
                !is_locked_for_good(account) && (account.locked_known || account.locked_elsewhere);
            if (!waits) return false;
            until = std::max({until, account.locked_known.value_or(0), account.locked_elsewhere.value_or(0)});
            return true;
        });
        add(Severity::warning, "waits", std::move(names),
            "has to wait after wrong codes, until " + time_text_(until),
            "have to wait after wrong codes, the last of them until " + time_text_(until),
            "totp-enroll unlock --user");
    }
    void judge_recovery_codes() {
        auto names = names_where([](const AccountFacts& account) {
            return account.is_enrolled && account.recovery_codes_left == 0;
        });
        add(Severity::warning, "no_recovery_codes", std::move(names),
            "has no recovery codes left: without the device there is no way in",
            "have no recovery codes left: without the device there is no way in",
            "totp-enroll recovery --user");
    }

    // ---- who isn't enrolled

    void judge_unenrolled() {
        const auto names = names_where([](const AccountFacts& account) {
            return account.can_log_in && !account.is_enrolled && !account.failure;
        });
        judge_unenrolled(Severity::fault, "must_enrol", Unenrolled::refuse, names,
                         "isn't enrolled and doesn't get in", "aren't enrolled and don't get in",
                         "totp-enroll add --user");
        judge_unenrolled(Severity::remark, "will_enrol", Unenrolled::enrol, names, "enrols at the next login",
                         "enrol at their next login", "");
        judge_unenrolled(Severity::remark, "not_enrolled", Unenrolled::ignore, names,
                         "isn't enrolled and gets in by the password alone",
                         "aren't enrolled and get in by the password alone", "totp-enroll add --user");
    }
    void judge_unenrolled(Severity severity, const std::string& kind, Unenrolled what,
                          const std::vector<std::string>& names, const std::string& one,
                          const std::string& many, const std::string& command) {
        std::vector<std::string> services;
        for (const auto& door : doors_) {
            if (door.unenrolled == what) services.push_back(door.service);
        }
        if (services.empty()) return;
        const auto where = " (" + names_in_words(services) + ")";
        add(severity, kind, names, one + where, many + where, command);
    }

    const std::vector<AccountFacts>& accounts_;
    const std::vector<Door>& doors_;
    UnixTime now_;
    std::string (*time_text_)(UnixTime);
    std::string enrolled_;
    std::string state_;
    std::vector<CheckFinding> findings_;
};

}  // namespace

std::vector<CheckFinding> judge_accounts(const std::vector<AccountFacts>& accounts,
                                         const std::vector<Door>& doors, UnixTime now,
                                         std::string (*time_text)(UnixTime), const FileStorePlaces& places) {
    return AccountJudge(accounts, doors, now, time_text, places).judge();
}

}  // namespace totp
