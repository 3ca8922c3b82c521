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
    std::string question(const Account& account, bool leaves_nothing) const;
    bool is_confirmed(const std::string& question) const;
    int remove_all(Session& session) const;
    int remove_device(Session& session) const;
    /// What remains enrolled; nothing, after a complaint, if there is no such device.
    std::optional<Enrolment> without_device(const HeldAccount& held, const Account& account) const;

    std::optional<std::string> device_;
    bool is_sure_ = false;
};

/// What is asked before anything goes; without a device left nobody is asked for a code any more.
std::string Remove::question(const Account& account, bool leaves_nothing) const {
    const auto what = device_ ? "the device " + *device_ + " of " + account.name
                              : "everything enrolled for " + account.name;
    const std::string consequence = leaves_nothing
                                        ? " Nothing is left then: where accounts without enrolment pass, the "
                                          "password alone will do."
                                        : "";
    return "Remove " + what + "?" + consequence + " [y/N] ";
}

bool Remove::is_confirmed(const std::string& question) const {
    if (is_sure_) return true;
    const auto answer = can_ask() ? ask_line(question) : std::nullopt;
    if (answer && (answer->text() == "y" || answer->text() == "yes")) return true;
    complain(can_ask() ? "nothing was removed" : "nothing was removed: say --yes where nobody can be asked");
    return false;
}

int Remove::run(Session session) {
    if (device_ && !is_device_name(*device_)) {
        complain("--device '" + printable(*device_) + "' can't be a device's name: see totp-enroll status");
        return exit_usage;
    }
    return device_ ? remove_device(session) : remove_all(session);
}

/// Also where records are damaged, or one of the two is gone: it is the way out.
int Remove::remove_all(Session& session) const {
    const auto is_enrolled = session.store.is_enrolled(session.account);
    if (!is_enrolled) return complain(is_enrolled.failure());
    if (*is_enrolled && !is_confirmed(question(session.account, true))) {
        return can_ask() ? exit_refused : exit_usage;
    }
    const auto held = session.store.hold(session.account, HoldFor::removal);
    if (!held) return complain(held.failure());
    if (const auto removed = (*held)->remove(); !removed) return complain(removed.failure());
    if (!*is_enrolled) {
        complain(session.account.name + " is not enrolled");
        return exit_refused;
    }
    if (!session.json) std::cout << "Removed.\n";
    return exit_done;
}

std::optional<Enrolment> Remove::without_device(const HeldAccount& held, const Account& account) const {
    auto enrolment = held.enrolment().value_or(Enrolment{});
    const auto count =
        std::erase_if(enrolment.devices, [&](const Device& each) { return each.name == *device_; });
    if (count > 0) return enrolment;
    complain(account.name + " has no device " + *device_ + ": see totp-enroll status");
    return std::nullopt;
}

/// Taking the last device away takes all away: recovery codes alone are no second factor to keep. The state
/// goes on knowing the device, as HeldAccount::enrol() asks; when the next one is added it is forgotten.
int Remove::remove_device(Session& session) const {
    auto held = session.store.hold(session.account, HoldFor::login);
    if (!held) return complain(held.failure());
    auto remaining = without_device(**held, session.account);
    if (!remaining) return exit_refused;

    held->reset();  // nobody is locked out while a person thinks
    if (!is_confirmed(question(session.account, remaining->devices.empty()))) {
        return can_ask() ? exit_refused : exit_usage;
    }
    held = session.store.hold(session.account, HoldFor::login);
    if (!held) return complain(held.failure());
    remaining = without_device(**held, session.account);
    if (!remaining) return exit_refused;
    const auto removed =
        remaining->devices.empty() ? (*held)->remove() : (*held)->enrol(*remaining, (*held)->state());
    if (!removed) return complain(removed.failure());
    if (!session.json) std::cout << "Removed.\n";
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_remove() { return std::make_unique<Remove>(); }

}  // namespace totp
