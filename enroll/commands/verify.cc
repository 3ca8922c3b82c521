// totp-enroll verify: what a login would make of a code. Root spends nothing with it and isn't throttled; for
// anybody else it is as a login, so that nobody can guess here.
#include <ctime>

#include <unistd.h>

#include "core/confirmation.h"
#include "core/percent.h"
#include "core/place.h"
#include "core/shell_words.h"
#include "core/verifier.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/standing.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// What is told of it.
struct Answer {
    bool is_right = false;
    bool is_throttled = false;
    Reason reason = Reason::none;
    std::string device;
    int drift = 0;
    Sentence hint;               ///< wrong, for root: how far a device is out of step
    std::int64_t clock_off = 0;  ///< the drift in seconds
};

Sentence acceptance(const Answer& answer) {
    if (answer.clock_off == 0) return tr("Right: %1.", {answer.device});
    return tr("Right: %1; %2.", {answer.device, clock_off_by(answer.clock_off)});
}

Sentence refusal(const Answer& answer) {
    if (answer.is_throttled)
        return tr("Refused: not looked at, after too many wrong codes: see totp-enroll status.");
    if (answer.reason == Reason::replayed) return tr("Refused: right, but it was used already.");
    if (answer.reason == Reason::malformed)
        return tr("Refused: neither a code nor a recovery code by its shape.");
    return answer.hint.empty() ? tr("Refused: wrong.") : tr("Refused: %1.", {answer.hint});
}

Sentence hint_for(const Finding& finding, const Enrolment& enrolment, UnixTime now) {
    for (const auto& device : enrolment.devices) {
        if (finding.near_miss && finding.near_miss->device == device.id) {
            return tr("%1: %2",
                      {device.name, out_of_step(finding.near_miss->counter, device.credential, now)});
        }
    }
    return {};
}

/// In seconds; 0 for what has no clock.
std::int64_t clock_off(const Enrolment& enrolment, std::string_view device, int drift) {
    const auto* named = enrolment.device_named(device);
    return named != nullptr ? std::int64_t{drift} * named->credential.period : 0;
}

Result<Answer> tried_by_root(const HeldAccount& held, const Policy& policy, const Attempt& attempt) {
    auto finding = examine(*held.enrolment(), held.state(), policy, attempt, std::nullopt);
    auto hint = hint_for(finding, *held.enrolment(), attempt.now);
    return Answer{finding.reason == Reason::none,
                  false,
                  finding.reason,
                  finding.device,
                  finding.drift,
                  std::move(hint)};
}

Result<Answer> tried_by_owner(HeldAccount& held, const Policy& policy, const Attempt& attempt) {
    const auto decision = verify(*held.enrolment(), held.state(), policy, attempt);
    if (decision.must_be_committed) {
        if (auto committed = held.commit(decision.next); !committed) return committed.failure();
    }
    const bool is_throttled = decision.verdict == Verdict::throttled;
    return Answer{decision.reason == Reason::none && !is_throttled,
                  is_throttled,
                  decision.reason,
                  decision.device,
                  decision.drift,
                  {}};
}

void report(const Session& session, const Answer& answer) {
    if (session.json()) {
        Json facts = {{"user", std::string_view(session.account().name)}, {"accepted", answer.is_right}};
        if (answer.is_right) {
            facts["device"] = std::string_view(answer.device);
            facts["drift"] = answer.drift;
        } else {
            facts["reason"] = answer.is_throttled ? std::string_view("throttled") : word_for(answer.reason);
        }
        print_json(facts);
    } else if (answer.is_right) {
        print_line(acceptance(answer));
    } else {
        print_line(refusal(answer));
    }
}

/// Nothing where the account isn't enrolled.
Result<std::optional<Answer>> tried(const Session& session, const SecretBytes& code) {
    const auto held = session.hold(HoldFor::login);
    if (!held) return held.failure();
    if (!(*held)->enrolment()) return std::optional<Answer>();
    const Attempt attempt{.response = code.text(),
                          .place = local_place(getuid()),
                          .now = std::time(nullptr),
                          .makes_place_known = false,
                          .is_at_home = true};
    const auto& policy = session.settings().policy;
    auto answer =
        is_root() ? tried_by_root(**held, policy, attempt) : tried_by_owner(**held, policy, attempt);
    if (!answer) return answer.failure();
    answer->clock_off = clock_off(*(*held)->enrolment(), answer->device, answer->drift);
    return std::optional(*std::move(answer));
}

class Verify : public AccountCommand {
  public:
    void declare(Options& options) override {
        options.example("echo 123456 | totp-enroll verify --user alice");
    }

  private:
    int act(const Session& session) override;
    Sentence why_not_elsewhere(const Account& account) const override {
        return tr(
            "a database tries codes at logins alone (engine = postgresql): how %1 stands, totp-enroll "
            "status --user %2 tells",
            {printable(account.name), shell_word(account.name)});
    }
};

int Verify::act(const Session& session) {
    const auto code = ask_line(tr("Code or recovery code: "));
    if (!code) {
        complain(tr("no code came: type it, or give it on stdin"));
        return exit_usage;
    }
    const auto answer = tried(session, *code);
    if (!answer) return complain(answer.failure());
    if (!*answer) return complain_unenrolled(session.account());
    report(session, **answer);
    return (*answer)->is_right ? exit_done : exit_refused;
}

}  // namespace

std::unique_ptr<Command> make_verify() { return std::make_unique<Verify>(); }

}  // namespace totp
