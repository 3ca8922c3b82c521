// totp-enroll token: what an account's owner enrols by, where a database has the accounts; good once.
#include <ctime>

#include "core/percent.h"
#include "enroll/change_log.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/expiry.h"
#include "enroll/json.h"
#include "enroll/recovery_page.h"
#include "enroll/standing.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

class Token : public AccountCommand {
  public:
    void declare(Options& options) override {
        options.value("--expires", expires_, "TIME", "How long it is good: 90m, 24h, 7d [24h]");
        options.example("totp-enroll token --user alice --expires 7d");
    }

    Sentence way_out_of_lost_output() const override {
        return tr("; another makes it void: totp-enroll token");
    }

  private:
    std::optional<Failure> refuse_options() const override;
    int act(const Session& session) override;
    int act_elsewhere(const AccountElsewhere& account) override;

    void report(const Account& account, const SecretBytes& token, bool json) const;

    std::optional<std::string> expires_;
};

std::optional<Failure> Token::refuse_options() const {
    if (!is_root()) return Failure{Trouble::caller, tr("token is for root: ask an administrator for one")};
    return refuse_expiry(expires_);
}

/// Where the store is this machine's, who knows the password enrols.
int Token::act(const Session& session) {
    return complain(
        input_failure(tr("a token is for engine = postgresql: here %1 enrols by totp-enroll alone",
                         {session.account().name})));
}

void Token::report(const Account& account, const SecretBytes& token, bool json) const {
    const auto until = rfc3339(std::time(nullptr) + seconds_of_expiry(expires_));
    if (json) {
        print_json({{"user", std::string_view(account.name)},
                    {"token", token.text()},
                    {"expires", std::string_view(until)}});
    } else {
        show_recovery_codes(tr("By this token %1 enrols once until %2, with totp-enroll add --token:",
                               {printable(account.name), until}),
                            {token});
    }
}

int Token::act_elsewhere(const AccountElsewhere& account) {
    const auto standing = standing_of(account);
    if (!standing) return complain(standing.failure());
    const auto name = printable(account.account().name);
    if (standing->at("enrolled"))
        return complain(input_failure(tr("%1 is enrolled, and adds a device by totp-enroll add", {name})));
    const SignalsHeldBack signals;
    const auto token =
        account.order("allow_enrolment", {value_of(std::to_string(seconds_of_expiry(expires_)))});
    if (!token) return complain(token.failure());
    log_change(account.account(), Change::enrolment_allowed);
    report(account.account(), SecretBytes(one_text_of(*token).value_or("")), account.json());
    return exit_done;
}

}  // namespace

std::unique_ptr<Command> make_token() { return std::make_unique<Token>(); }

}  // namespace totp
