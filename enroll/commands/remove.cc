// totp-enroll remove: takes one device, or the whole enrolment, away.
#include <algorithm>
#include <iostream>

#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Remove : public Command {
  public:
    void declare(CLI::App& app) override {
        app.add_option("--device", device_, "Only this device; without it, all that is enrolled")
            ->type_name("NAME");
        app.add_flag("--yes", is_sure_, "Don't ask");
        app.footer("Example: totp-enroll remove --user alice --device phone");
    }

    int run(Session session) override;

  private:
    bool confirm(const Account& account) const;
    Result<Done> remove_all(Session& session) const;
    Result<Done> remove_device(Session& session) const;

    std::string device_;
    bool is_sure_ = false;
};

bool Remove::confirm(const Account& account) const {
    if (is_sure_) return true;
    const auto what = device_.empty() ? "everything enrolled for " + account.name
                                      : "the device " + device_ + " of " + account.name;
    const auto answer = can_ask() ? ask_line("Remove " + what + "? [y/N] ") : std::nullopt;
    if (answer && (answer->text() == "y" || answer->text() == "yes")) return true;
    complain(can_ask() ? "nothing was removed" : "nothing was removed: say --yes where nobody can be asked");
    return false;
}

int Remove::run(Session session) {
    const auto is_enrolled = session.store.is_enrolled(session.account);
    if (!is_enrolled) return complain(is_enrolled.failure());
    if (!*is_enrolled) {
        complain(session.account.name + " is not enrolled");
        return exit_refused;
    }
    if (!confirm(session.account)) return can_ask() ? exit_refused : exit_usage;
    const auto removed = device_.empty() ? remove_all(session) : remove_device(session);
    if (!removed) return complain(removed.failure());
    if (!session.json) std::cout << "Removed.\n";
    return exit_done;
}

/// Also where the records are damaged: it is the way out.
Result<Done> Remove::remove_all(Session& session) const {
    const auto held = session.store.hold(session.account, HoldFor::removal);
    if (!held) return held.failure();
    return (*held)->remove();
}

/// Taking the last device away takes all away: recovery codes alone are no second factor to keep.
Result<Done> Remove::remove_device(Session& session) const {
    const auto held = session.store.hold(session.account, HoldFor::login);
    if (!held) return held.failure();
    auto enrolment = (*held)->enrolment().value_or(Enrolment{});
    const auto count =
        std::erase_if(enrolment.devices, [&](const Device& each) { return each.name == device_; });
    if (count == 0) {
        return Failure{Trouble::input, session.account.name + " has no device " + printable(device_) +
                                           ": see totp-enroll status"};
    }
    if (enrolment.devices.empty()) return (*held)->remove();
    return (*held)->enrol(enrolment, without_strangers((*held)->state(), enrolment));
}

}  // namespace

std::unique_ptr<Command> make_remove() { return std::make_unique<Remove>(); }

}  // namespace totp
