// totp-enroll status: what is enrolled, and how it stands.
#include <ctime>
#include <mutex>

#include "core/percent.h"
#include "core/survey.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/standing.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// Read while the account was held, which it isn't any more while somebody reads them.
Result<Json> standing_of(const Session& session) {
    const auto held = session.hold(HoldFor::login);
    if (!held) return held.failure();
    return standing_of(session.account().name, (*held)->enrolment(), (*held)->state(),
                       session.settings().policy, std::time(nullptr));
}

class StatusOfOne : public AccountCommand {
  public:
    void declare(Options&) override {}

  private:
    int act(const Session& session) override {
        const auto standing = standing_of(session);
        if (!standing) return complain(standing.failure());
        return tell(*standing, session.json());
    }

    int act_elsewhere(const AccountElsewhere& account) override {
        const auto standing = standing_of(account);
        if (!standing) return complain(standing.failure());
        return tell(*standing, account.json());
    }

    int act_unenrolled(const AccountElsewhere& account) override {
        return tell({{"user", std::string_view(account.account().name)}, {"enrolled", false}},
                    account.json());
    }

    static int tell(const Json& standing, bool json) {
        if (json) {
            print_json(standing);
        } else {
            print(page_of(standing, is_root()));
        }
        return standing["enrolled"] ? exit_done : exit_refused;
    }
};

std::string line_of(const Json& standing, bool json) {
    return json ? std::string(json_line_of(standing)) : line_of(standing);
}

int status_of_all_elsewhere(const DatabaseElsewhere& database, bool json) {
    std::string last;
    for (;;) {
        const auto standings = standings_after(last, database);
        if (!standings) return complain(standings.failure());
        if (standings->empty()) return exit_done;
        for (const auto& standing : *standings) print(line_of(standing, json));
        last = text_of(standings->back().at("user"));
    }
}

std::string line_of_unusable(const std::string& user, const Failure& failure, bool json) {
    if (json) return line_of(standing_of_unusable(user, failure), json);
    return tr("%1: %2", {printable(user), failure.message}).translated() + "\n";
}

/// So many octets of lines are printed at once: a write(2) for each would be a seventh of the time into a
/// pipe.
constexpr std::size_t enough_to_print = 16'384;

int status_of_all(const SharedOptions& shared) {
    if (!is_root() && shared.store.empty()) {
        complain(tr("status --all is for root: how you stand yourself, totp-enroll status tells"));
        return exit_not_permitted;
    }
    const auto database = find_database_of_all(shared);
    if (!database) return complain(database.failure());
    if (*database) return status_of_all_elsewhere(**database, shared.json);
    const auto installation = find_accounts(shared);
    if (!installation) return complain(installation.failure());
    const auto now = std::time(nullptr);
    const auto& settings = installation->settings;
    std::mutex mutex;
    std::string lines;
    int exit_code = exit_done;
    const auto tell = [&](const Account& account, const Result<AccountRecords>& records) {
        const auto line =
            records
                ? line_of(standing_of(account.name, records->enrolment, records->state, settings.policy, now),
                          shared.json)
                : line_of_unusable(account.name, records.failure(), shared.json);
        const std::scoped_lock lock(mutex);
        if (!records) exit_code = exit_refused;
        lines += line;
        if (lines.size() < enough_to_print) return;
        print(lines);
        lines.clear();
    };
    const auto surveyed = survey(installation->places, settings.missing_state, now, tell);
    print(lines);
    return surveyed ? exit_code : complain(surveyed.failure());
}

class Status : public Command {
  public:
    void declare(Options& options) override {
        options.flag("--all", all_, "Every account that has a record, one a line (root)");
        options.example("totp-enroll status --user alice --json");
    }

    int run(const SharedOptions& shared) override {
        if (!all_) return StatusOfOne().run(shared);
        if (!shared.user.empty())
            return complain(Failure{Trouble::input, tr("--all is everybody: leave --user out, or --all")});
        return status_of_all(shared);
    }

  private:
    bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace totp
