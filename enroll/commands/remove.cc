// totp-enroll remove: takes one device, or the whole enrolment, away.
#include <algorithm>
#include <ctime>

#include "core/percent.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/device_name.h"
#include "enroll/enrolment_elsewhere.h"
#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Remove : public AccountCommand {
  public:
    void declare(Options& options) override {
        options.value("--device", device_, "NAME", "Only this device; without it, all that is enrolled");
        options.flag("--yes", is_sure_, "Don't ask");
        options.example("totp-enroll remove --user alice --device phone");
    }

  private:
    std::optional<Failure> refuse_options() const override { return refuse_device_name(device_); }
    int act(const Session& session) override {
        return device_ ? remove_device(session) : remove_all(session);
    }

    /// All of it is taken away unread.
    Remains remains() const override { return device_ ? Remains::refused : Remains::allowed; }
    int act_elsewhere(const AccountElsewhere& account) override {
        return device_ ? remove_device_elsewhere(account) : remove_all_elsewhere(account);
    }

    bool is_confirmed(const Account& account, const Settings& settings, bool leaves_nothing) const;
    int refused() const { return can_ask() ? exit_refused : exit_usage; }
    int remove_all(const Session& session) const;
    int remove_device(const Session& session) const;
    int remove_all_elsewhere(const AccountElsewhere& account) const;
    int remove_device_elsewhere(const AccountElsewhere& account) const;
    Result<bool> is_last_elsewhere(const AccountElsewhere& account) const;
    /// What remains enrolled; nothing, after a complaint, if there is no such device.
    std::optional<Enrolment> without_device(const HeldAccount& held, const Account& account) const;
    Result<Done> take_away(HeldAccount& held, const Session& session, const Enrolment& remaining) const;

    std::optional<std::string> device_;
    bool is_sure_ = false;
};

/// What it means to have nothing left. The settings don't know what PAM lines say, which count before them.
Sentence second_question(const Settings& settings) {
    switch (settings.unenrolled) {
        case Unenrolled::ignore:
            return tr(
                "Nothing is left then, recovery codes included: where this machine asks for codes, accounts "
                "without a device get in by the password alone. Remove it all the same? [y/N] ");
        case Unenrolled::enrol:
            return tr(
                "Nothing is left then, recovery codes included: where this machine asks for codes, whoever "
                "knows the password of an account without a device enrols one and gets in. Remove it all the "
                "same? [y/N] ");
        case Unenrolled::refuse: break;
    }
    return tr(
        "Nothing is left then, recovery codes included. Where a PAM line says unenrolled=ignore (as the "
        "profile totp), the password alone gets in; where it says unenrolled=enrol (as totp-required), "
        "whoever knows the password enrols a device and gets in; elsewhere nobody does. Remove it all the "
        "same? [y/N] ");
}

/// Asks twice where nothing is left.
bool Remove::is_confirmed(const Account& account, const Settings& settings, bool leaves_nothing) const {
    if (is_sure_) return true;
    if (!can_ask()) {
        complain(tr("nothing was removed: say --yes where nobody can be asked"));
        return false;
    }
    const auto& name = account.name;
    bool is_confirmed = is_yes(ask_line(device_ ? tr("Remove the device %1 of %2? [y/N] ", {*device_, name})
                                                : tr("Remove everything enrolled for %1? [y/N] ", {name})));
    if (is_confirmed && leaves_nothing) is_confirmed = is_yes(ask_line(second_question(settings)));
    if (!is_confirmed) complain(tr("nothing was removed"));
    return is_confirmed;
}

/// Root's way out also where records are damaged, or one of the two is gone. Nobody was asked about who isn't
/// enrolled: it must still be so once the account is held.
int Remove::remove_all(const Session& session) const {
    auto is_enrolled = session.is_enrolled();
    if (!is_enrolled) return complain(is_enrolled.failure());
    const bool was_enrolled = *is_enrolled;
    if (was_enrolled && !is_confirmed(session.account(), session.settings(), true)) return refused();
    const auto held = session.hold(is_root() ? HoldFor::removal : HoldFor::login);
    if (!held) return complain(held.failure());
    is_enrolled = session.is_enrolled();
    if (!is_enrolled) return complain(is_enrolled.failure());
    if (!was_enrolled && *is_enrolled) {
        complain(tr("meanwhile %1 was enrolled: nothing was removed; begin again",
                    {printable(session.account().name)}));
        return exit_refused;
    }
    if (const auto removed = (*held)->remove(); !removed) return complain(removed.failure());
    if (!was_enrolled) return complain_unenrolled(session.account());
    log_change(session.account(), Change::enrolment_removed);
    if (!session.json()) print_line(tr("Removed."));
    return exit_done;
}

std::optional<Enrolment> Remove::without_device(const HeldAccount& held, const Account& account) const {
    auto enrolment = held.enrolment().value_or(Enrolment{});
    const auto count =
        std::erase_if(enrolment.devices, [&](const Device& each) { return each.name == *device_; });
    if (count > 0) return enrolment;
    complain(no_such_device(account, *device_));
    return std::nullopt;
}

/// Taking the last device away takes all away: recovery codes alone are no second factor to keep. The state
/// goes on knowing the device, as HeldAccount::enrol() asks; when the next one is added it is forgotten.
Result<Done> Remove::take_away(HeldAccount& held, const Session& session, const Enrolment& remaining) const {
    auto state = held.state();
    note_change(state, {.last = std::time(nullptr), .removed_device = true});
    auto removed = remaining.devices.empty() ? held.remove() : held.enrol(remaining, std::move(state));
    if (removed) log_change(session.account(), Change::device_removed, *device_);
    return removed;
}

int became_last() {
    complain(tr("meanwhile it became the last device: nothing was removed; begin again"));
    return exit_refused;
}

int Remove::remove_device(const Session& session) const {
    auto held = session.hold(HoldFor::login);
    if (!held) return complain(held.failure());
    auto remaining = without_device(**held, session.account());
    if (!remaining) return exit_refused;

    held->reset();  // nobody is locked out while a person thinks
    const bool leaves_nothing = remaining->devices.empty();
    if (!is_confirmed(session.account(), session.settings(), leaves_nothing)) return refused();
    held = session.hold(HoldFor::login);
    if (!held) return complain(held.failure());
    remaining = without_device(**held, session.account());
    if (!remaining) return exit_refused;
    if (remaining->devices.empty() && !leaves_nothing && !is_sure_) return became_last();
    if (const auto removed = take_away(**held, session, *remaining); !removed)
        return complain(removed.failure());
    if (!session.json()) print_line(tr("Removed."));
    return exit_done;
}

int Remove::remove_all_elsewhere(const AccountElsewhere& account) const {
    if (!is_confirmed(account.account(), account.settings(), true)) return refused();
    const auto removed = account.order("remove");
    if (!removed) return complain(removed.failure());
    log_change(account.account(), Change::enrolment_removed);
    if (!account.json()) print_line(tr("Removed."));
    return exit_done;
}

Result<bool> Remove::is_last_elsewhere(const AccountElsewhere& account) const {
    const auto enrolment = names_elsewhere(account);
    if (!enrolment) return enrolment.failure();
    return *enrolment && (*enrolment)->devices.size() == 1 && (*enrolment)->device_named(*device_) != nullptr;
}

int Remove::remove_device_elsewhere(const AccountElsewhere& account) const {
    const auto leaves_nothing = is_last_elsewhere(account);
    if (!leaves_nothing) return complain(leaves_nothing.failure());
    if (!is_confirmed(account.account(), account.settings(), *leaves_nothing)) return refused();
    const bool may_be_last = *leaves_nothing || is_sure_;
    const auto removed =
        account.order("remove_device", {value_of(*device_), value_of(may_be_last ? "t" : "f")});
    if (!removed) return complain(removed.failure());
    if (!says(*removed, "t")) return became_last();
    log_change(account.account(), Change::device_removed, *device_);
    if (!account.json()) print_line(tr("Removed."));
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_remove() { return std::make_unique<Remove>(); }

}  // namespace totp
