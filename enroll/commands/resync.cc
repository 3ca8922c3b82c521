// totp-enroll resync: two codes in a row say where a device stands, after its clock or counter went astray.
#include <cstdlib>
#include <ctime>

#include "core/percent.h"
#include "core/resynchronise.h"
#include "core/shell_words.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/standing.h"
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

Sentence explanation(const Resynchronisation& result) {
    switch (result.outcome) {
        case Outcome::done: return {};
        case Outcome::malformed: return tr("these aren't two codes: give each with all its digits");
        case Outcome::no_match:
            return tr("no device shows these two codes one after the other: give two that follow");
        case Outcome::spent:
            return tr("these codes of the device %1 don't count any more: give two newer ones",
                      {result.device});
        case Outcome::too_far:
            return tr("the device %1 is too far off: %2; set the clock that is wrong",
                      {result.device, clock_off_by(result.seconds)});
    }
    return {};
}

void report(const Session& session, const Resynchronisation& result, bool makes_codes_void) {
    if (session.json()) {
        print_json({{"user", std::string_view(session.account().name)},
                    {"device", std::string_view(result.device)},
                    {"clock_ahead_seconds", result.seconds}});
        return;
    }
    print_line(result.seconds == 0 ? tr("The device %1 is in step again.", {result.device})
                                   : tr("The device %1 is in step again; %2.",
                                        {result.device, clock_off_by(result.seconds)}));
    if (result.skipped > 0) {
        print_line(tr_n("The code after these two doesn't count: it isn't known whether it was used.",
                        "The %1 codes after these two don't count: it isn't known whether they were used.",
                        result.skipped));
    }
    if (makes_codes_void) {
        print_line(tr(
            "It isn't known which recovery codes were used, so none counts: make new ones with totp-enroll "
            "recovery --user %1",
            {shell_word(session.account().name)}));
    }
}

int Resync::act(const Session& session) {
    const auto first = ask_line(tr("A code of the device: "));
    const auto second = first ? ask_line(tr("The code after it: ")) : std::nullopt;
    if (!second) {
        complain(tr("two codes are needed: type them, or give them on stdin, one a line"));
        return exit_usage;
    }
    Resynchronisation result;
    bool makes_codes_void = false;
    {
        const auto held = session.hold(is_root() ? HoldFor::login_without_state : HoldFor::login);
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment()) return complain_unenrolled(session.account());
        const auto now = std::time(nullptr);
        const auto& enrolment = *(*held)->enrolment();
        const auto& state = (*held)->state();
        result =
            resynchronise(enrolment, state, session.settings().policy, first->text(), second->text(), now);
        if (result.outcome != Outcome::done) {
            complain(explanation(result));
            return exit_refused;
        }
        makes_codes_void = recovery_codes_left(enrolment, state, now) > 0 &&
                           recovery_codes_left(enrolment, result.after, now) == 0;
        if (const auto committed = (*held)->commit(result.after); !committed)
            return complain(committed.failure());
        log_change(session.account(), Change::resynchronised, result.device);
    }
    report(session, result, makes_codes_void);
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_resync() { return std::make_unique<Resync>(); }

}  // namespace totp
