// totp-enroll resync: two codes in a row say where a device stands, after its clock or counter went astray.
#include <cstdlib>
#include <ctime>

#include "core/percent.h"
#include "core/resynchronise.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

using Outcome = Resynchronisation::Outcome;

class Resync : public AccountCommand {
  public:
    void declare(Options& options) override {
        options.example("printf '123456\\n654321\\n' | totp-enroll resync --user alice");
    }

  private:
    int act(const Session& session) override;
    Sentence why_not_elsewhere(const Account& account) const override {
        return tr(
            "a database brings a device into step at a login (engine = postgresql): %1 types two codes "
            "that follow each other, and is let in by the second",
            {printable(account.name)});
    }
};

Sentence clock_off_by(std::int64_t seconds) {
    return seconds > 0 ? tr("its clock is %1 s ahead of this machine's", {seconds})
                       : tr("its clock is %1 s behind this machine's", {-seconds});
}

Sentence explanation(const Resynchronisation& result) {
    switch (result.outcome) {
        case Outcome::done: return {};
        case Outcome::malformed:
            return tr("these aren't two codes: give each with all its digits; nothing was changed");
        case Outcome::no_match:
            return tr(
                "no device shows these two codes one after the other: give two that follow; nothing was "
                "changed");
        case Outcome::spent:
            return tr("the device %1 was used since it showed these codes; nothing was changed",
                      {result.device});
        case Outcome::too_far:
            return tr("the device %1 is too far off: %2; set the clock that is wrong; nothing was changed",
                      {result.device, clock_off_by(result.seconds)});
    }
    return {};
}

void report(const Session& session, const Resynchronisation& result) {
    if (session.json()) {
        print_json({{"user", std::string_view(session.account().name)},
                    {"device", std::string_view(result.device)},
                    {"clock_ahead_seconds", result.seconds}});
        return;
    }
    print_line(result.seconds == 0 ? tr("The device %1 is in step again.", {result.device})
                                   : tr("The device %1 is in step again; %2.",
                                        {result.device, clock_off_by(result.seconds)}));
}

int Resync::act(const Session& session) {
    const auto first = ask_line(tr("A code of the device: "));
    const auto second = first ? ask_line(tr("The code after it: ")) : std::nullopt;
    if (!second) {
        complain(tr("two codes are needed: type them, or give them on stdin, one a line"));
        return exit_usage;
    }
    Resynchronisation result;
    {
        const auto held = session.hold(is_root() ? HoldFor::login_without_state : HoldFor::login);
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment()) return complain_unenrolled(session.account());
        const auto now = std::time(nullptr);
        const auto& enrolment = *(*held)->enrolment();
        const auto state = with_lost_devices_restarted((*held)->state(), enrolment, now);
        result =
            resynchronise(enrolment, state, session.settings().policy, first->text(), second->text(), now);
        if (result.outcome != Outcome::done) {
            complain(explanation(result));
            return exit_refused;
        }
        if (const auto committed = (*held)->commit(result.after); !committed)
            return complain(committed.failure());
        log_change(session.account(), Change::resynchronised, result.device);
    }
    report(session, result);
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_resync() { return std::make_unique<Resync>(); }

}  // namespace totp
