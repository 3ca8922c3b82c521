// totp-enroll recovery: a new set of recovery codes, or one more for somebody locked out.
#include <algorithm>
#include <ctime>

#include "core/emergency_codes.h"
#include "core/shell_words.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/enrolment_elsewhere.h"
#include "enroll/exit_code.h"
#include "enroll/expiry.h"
#include "enroll/json.h"
#include "enroll/recovery_page.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// What is neither spent nor expired is worth keeping.
void drop_useless(Enrolment& enrolment, const LoginState& state, UnixTime now) {
    std::erase_if(enrolment.recovery, [&](const RecoveryHash& code) {
        return state.has_spent(code) || (code.expires && *code.expires <= now);
    });
}

class Recovery : public AccountCommand {
  public:
    void declare(Options& options) override {
        options.value("--recovery-codes", count_, "N", "How many, 1 to 32 [10]")
            .is_between(1, static_cast<int>(maximum_recovery_codes));
        options.flag("--one", is_one_more_, "One more code beside those there are, for a while (root)");
        options.value("--expires", expires_, "TIME", "How long that one is good: 90m, 24h, 7d [24h]");
        options.example("totp-enroll recovery --user alice --one --expires 24h");
        options.example("totp-enroll recovery --user root --local");
    }

    Sentence way_out_of_lost_output() const override {
        return tr("; make new codes with totp-enroll recovery");
    }

  private:
    std::optional<Failure> refuse_options() const override;
    int act(const Session& session) override;
    int act_elsewhere(const AccountElsewhere& account) override;

    /// What to show, once it is on disk.
    struct Made {
        std::vector<SecretBytes> codes;
        std::optional<UnixTime> expires;
    };
    Result<Made> make(HeldAccount& held, const Account& account, bool is_local) const;
    /// The enrolment with its new codes, which `made` shows.
    Result<Enrolment> renewed(Enrolment enrolment, const LoginState& state, UnixTime now, Made& made) const;
    void report(const Account& account, const Made& made, bool json) const;
    UnixTime seconds() const { return seconds_of_expiry(expires_); }
    std::size_t count() const { return static_cast<std::size_t>(count_.value_or(usual_recovery_codes)); }

    std::optional<int> count_;
    bool is_one_more_ = false;
    std::optional<std::string> expires_;
};

std::optional<Failure> Recovery::refuse_options() const {
    if (is_one_more_ && !is_root()) {
        return Failure{Trouble::caller, tr("--one is for root, to help somebody who is locked out")};
    }
    if (count_ && is_one_more_)
        return input_failure(tr("--recovery-codes is for a whole set: --one is one more beside it"));
    if (expires_ && !is_one_more_) {
        return Failure{Trouble::input, tr("--expires is for --one: a set of recovery codes doesn't expire")};
    }
    return refuse_expiry(expires_);
}

Result<Enrolment> Recovery::renewed(Enrolment enrolment, const LoginState& state, UnixTime now,
                                    Made& made) const {
    if (is_one_more_) {
        made.expires = now + seconds();
        drop_useless(enrolment, state, now);
    } else {
        enrolment.recovery.clear();
    }
    auto set = is_one_more_ ? one_more_recovery_code(enrolment.recovery, *made.expires)
                            : new_recovery_codes(count());
    if (!set) return set.failure();
    std::ranges::move(set->hashes, std::back_inserter(enrolment.recovery));
    made.codes = std::move(set->codes);
    return enrolment;
}

/// None is taken away for it: which of them lies in somebody's drawer isn't known here.
std::optional<Failure> refuse_one_too_many(const Enrolment& enrolment, const Account& account,
                                           bool is_local) {
    if (enrolment.recovery.size() <= maximum_recovery_codes) return std::nullopt;
    return Failure{
        Trouble::input,
        tr("%1 has 32 recovery codes that are good still, and there can't be more: make new ones in "
           "their place with totp-enroll recovery %2",
           {account.name, (is_local ? "--local --user " : "--user ") + shell_word(account.name)})};
}

/// What the codes are to be added to, where the account is this machine's for emergencies.
Result<Enrolment> enrolment_for_emergencies(const HeldAccount& held, const Account& account) {
    if (!held.enrolment()) return new_emergency_enrolment();
    if (is_for_emergencies(*held.enrolment())) return *held.enrolment();
    return Failure{
        Trouble::input,
        tr("%1 is enrolled on this machine, and codes that the database knows too could be good twice: "
           "first run totp-enroll remove --local --user %2",
           {account.name, shell_word(account.name)})};
}

/// The state keeps what was spent of the old set: else a crash between the two files would bring it back.
Result<Recovery::Made> Recovery::make(HeldAccount& held, const Account& account, bool is_local) const {
    Made made;
    const auto now = std::time(nullptr);
    const auto before =
        is_local ? enrolment_for_emergencies(held, account) : Result<Enrolment>(*held.enrolment());
    if (!before) return before.failure();
    auto state = with_lost_devices_restarted(held.state(), *before, now);
    const auto enrolment = renewed(*before, state, now, made);
    if (!enrolment) return enrolment.failure();
    if (auto refused = refuse_one_too_many(*enrolment, account, is_local)) return *std::move(refused);
    note_change(state, {.last = now, .renewed_recovery = true});
    if (auto enrolled = held.enrol(*enrolment, std::move(state)); !enrolled) return enrolled.failure();
    log_change(account, is_one_more_ ? Change::recovery_added : Change::recovery_renewed);
    return made;
}

void Recovery::report(const Account& account, const Made& made, bool json) const {
    if (json) {
        Json facts = {{"user", std::string_view(account.name)}, {"recovery_codes", Json::array()}};
        for (const auto& code : made.codes) facts["recovery_codes"].push_back(code.text());
        facts["expires"] = made.expires ? Json(std::string_view(rfc3339(*made.expires))) : Json();
        print_json(facts);
    } else if (made.expires) {
        show_recovery_codes(tr("For %1, good until %2:", {account.name, rfc3339(*made.expires)}), made.codes);
    } else {
        show_recovery_codes(tr("For %1; those before are void.", {account.name}), made.codes);
    }
}

/// Root may also mend an account whose state is gone: with none of the old codes good any more.
HoldFor purpose_at(const Session& session) {
    if (session.is_local()) return HoldFor::change;
    return is_root() ? HoldFor::login_without_state : HoldFor::login;
}

int Recovery::act(const Session& session) {
    const SignalsHeldBack signals;  // from the old codes' end until the new ones are seen
    std::optional<Made> made;
    {
        const auto held = session.hold(purpose_at(session));
        if (!held) return complain(held.failure());
        if (!(*held)->enrolment() && !session.is_local()) return complain_unenrolled(session.account());
        auto result = make(**held, session.account(), session.is_local());
        if (!result) return complain(result.failure());
        made = *std::move(result);
    }
    report(session.account(), *made, session.json());
    return exit_done;
}

int Recovery::act_elsewhere(const AccountElsewhere& account) {
    const SignalsHeldBack signals;
    auto codes = is_one_more_ ? codes_elsewhere(account, "one_more_recovery_code", std::to_string(seconds()))
                              : codes_elsewhere(account, "new_recovery_codes", std::to_string(count()));
    if (!codes) return complain(codes.failure());
    log_change(account.account(), is_one_more_ ? Change::recovery_added : Change::recovery_renewed);
    Made made{.codes = *std::move(codes), .expires = std::nullopt};
    if (is_one_more_) made.expires = std::time(nullptr) + seconds();
    report(account.account(), made, account.json());
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_recovery() { return std::make_unique<Recovery>(); }

}  // namespace totp
