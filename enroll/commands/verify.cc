// totp-enroll verify: what a login would make of a code. Root spends nothing with it and isn't throttled.
#include <ctime>
#include <iostream>

#include "core/verifier.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

std::string explanation(Reason reason) {
    if (reason == Reason::replayed) return "right, but it was used already";
    if (reason == Reason::malformed) return "neither a code nor a recovery code by its shape";
    return "wrong";
}

void report(const Session& session, const Finding& finding) {
    const bool is_right = finding.reason == Reason::none;
    if (session.json) {
        Json facts = {{"user", session.account.name}, {"accepted", is_right}};
        if (is_right) {
            facts["device"] = finding.device;
            facts["drift"] = finding.drift;
        } else {
            facts["reason"] = word_for(finding.reason);
        }
        print_json(facts);
    } else if (is_right) {
        std::cout << "Right: " << finding.device << ", clock drift " << finding.drift << " steps.\n";
    } else {
        std::cout << "Refused: " << explanation(finding.reason) << ".\n";
    }
}

class Verify : public Command {
  public:
    void declare(CLI::App& app) override {
        app.footer("Example: echo 123456 | totp-enroll verify --user alice");
    }

    int run(Session session) override {
        const auto code = ask_line("Code or recovery code: ");
        if (!code) {
            complain("no code came: type it, or give it on stdin");
            return exit_usage;
        }
        const auto held = session.store.hold(session.account, HoldFor::login);
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment()) {
            complain(session.account.name + " is not enrolled");
            return exit_refused;
        }
        const auto finding = examine(*(*held)->enrolment(), (*held)->state(), session.settings.policy,
                                     {.response = code->text(), .now = std::time(nullptr)}, std::nullopt);
        report(session, finding);
        return finding.reason == Reason::none ? exit_done : exit_refused;
    }
};

}  // namespace

std::unique_ptr<Command> make_verify() { return std::make_unique<Verify>(); }

}  // namespace totp
