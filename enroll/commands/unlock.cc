// totp-enroll unlock: clears the failure counts, so that codes are looked at again.
#include <ctime>

#include "core/throttle.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/standing.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Unlock : public AccountCommand {
  public:
    void declare(Options& options) override { options.example("totp-enroll unlock --user alice"); }

  private:
    int act(const Session& session) override;
    int act_elsewhere(const AccountElsewhere& account) override;
};

/// Root's word opens a side at once. Its owner's clears the failures in a row, but not the long-run budget:
/// that bounds what a stranger may guess in a year, however often the owner unlocks.
void open_side(SideState& side) {
    side.failures = 0;
    side.near_miss.reset();
    if (is_root()) side.level = 0;
}

/// `closed`: until when the side of strangers is all the same.
void report(const Account& account, const std::optional<std::string>& closed, bool json) {
    if (json) {
        print_json({{"user", std::string_view(account.name)},
                    {"elsewhere_locked_until", closed ? Json(std::string_view(*closed)) : Json()}});
    } else if (closed) {
        print_line(tr(
            "The failures in a row are cleared. There were too many in the long run as well: until %1 codes "
            "from elsewhere aren't looked at, unless the administrator unlocks.",
            {*closed}));
    } else {
        print_line(tr("Unlocked."));
    }
}

int Unlock::act(const Session& session) {
    LoginState state;
    {
        const auto held = session.hold(HoldFor::login);
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment()) return complain_unenrolled(session.account());
        state = (*held)->state();
        open_side(state.elsewhere);
        if (is_root()) open_side(state.known);
        if (const auto committed = (*held)->commit(state); !committed) return complain(committed.failure());
        log_change(session.account(), Change::unlocked);
    }
    const auto closed = closed_until(state.elsewhere, session.settings().policy, std::time(nullptr));
    report(session.account(), closed ? std::optional(rfc3339(*closed)) : std::nullopt, session.json());
    return exit_done;
}

/// Of an account in a database.
Result<std::optional<std::string>> closed_elsewhere(const AccountElsewhere& account) {
    const auto standing = standing_of(account);
    if (!standing) return standing.failure();
    const auto& until = standing->at("elsewhere").at("locked_until");
    return until.is_null() ? std::nullopt : std::optional(text_of(until));
}

int Unlock::act_elsewhere(const AccountElsewhere& account) {
    const auto unlocked = account.order("unlock");
    if (!unlocked) return complain(unlocked.failure());
    log_change(account.account(), Change::unlocked);
    const auto closed = closed_elsewhere(account);
    if (!closed) return complain(closed.failure());
    report(account.account(), *closed, account.json());
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_unlock() { return std::make_unique<Unlock>(); }

}  // namespace totp
