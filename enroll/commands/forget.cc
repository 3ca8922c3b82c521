// totp-enroll forget: no place is known any more; the next login from each needs a code, and is a stranger's
// to the throttle.
#include "core/shell_words.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Forget : public AccountCommand {
  public:
    void declare(Options& options) override { options.example("totp-enroll forget --user alice"); }

  private:
    int act(const Session& session) override;
    Sentence why_not_elsewhere(const Account& account) const override {
        return tr(
            "a database lets nobody in without a code (engine = postgresql): there is nothing to forget; "
            "failures are cleared by totp-enroll unlock --user %1",
            {shell_word(account.name)});
    }
};

void report(const Session& session, std::size_t forgotten) {
    if (session.json()) {
        print_json({{"user", std::string_view(session.account().name)}, {"forgotten", forgotten}});
    } else if (forgotten == 0) {
        print_line(tr("No place was known."));
    } else {
        print_line(tr_n("Forgotten: %1 place. The next login from there needs a code.",
                        "Forgotten: %1 places. The next login from there needs a code.",
                        static_cast<std::int64_t>(forgotten)));
    }
}

int Forget::act(const Session& session) {
    std::size_t forgotten = 0;
    {
        const auto held = session.hold(HoldFor::login);
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment()) return complain_unenrolled(session.account());
        auto state = (*held)->state();
        forgotten = state.places.size();
        state.places.clear();
        if (const auto committed = (*held)->commit(std::move(state)); !committed)
            return complain(committed.failure());
        log_change(session.account(), Change::places_forgotten);
    }
    report(session, forgotten);
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_forget() { return std::make_unique<Forget>(); }

}  // namespace totp
