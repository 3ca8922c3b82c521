// What a command is to the command table in main.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "enroll/account_elsewhere.h"
#include "enroll/options.h"
#include "enroll/session.h"

namespace totp {

/// Its options are its members: declare() binds them, run() reads them.
class Command {
  public:
    virtual ~Command() = default;

    virtual void declare(Options& options) = 0;

    /// Does it; what it returns is the exit code.
    virtual int run(const SharedOptions& shared) = 0;

    /// What to do if what it had to show was lost on the way; empty where asking again is enough.
    virtual Sentence way_out_of_lost_output() const { return {}; }
};

/// One that acts on an account: whoever runs it is asked who they are before it begins.
class AccountCommand : public Command {
  public:
    int run(const SharedOptions& shared) final;

  protected:
    /// What is wrong with the options as they were given; told before anybody is asked anything.
    virtual std::optional<Failure> refuse_options() const { return std::nullopt; }
    virtual int act(const Session& session) = 0;

    /// Whether it can do its work for an account that is gone, by what is left in the store.
    virtual Remains remains() const { return Remains::refused; }

    /// Why it can't be done in a database, and what to do instead; empty where it can.
    virtual Sentence why_not_elsewhere(const Account& /*account*/) const { return {}; }
    /// As act(), for an account in a database that can do it.
    virtual int act_elsewhere(const AccountElsewhere& account);
    /// The same for its owner, who isn't enrolled.
    virtual int act_unenrolled(const AccountElsewhere& account);

  private:
    int run_elsewhere(const AccountElsewhere& account);
};

std::unique_ptr<Command> make_add();
std::unique_ptr<Command> make_bulk();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_export();
std::unique_ptr<Command> make_forget();
std::unique_ptr<Command> make_import();
std::unique_ptr<Command> make_prepare();
std::unique_ptr<Command> make_recovery();
std::unique_ptr<Command> make_rekey();
std::unique_ptr<Command> make_remove();
std::unique_ptr<Command> make_resync();
std::unique_ptr<Command> make_status();
std::unique_ptr<Command> make_token();
std::unique_ptr<Command> make_unlock();
std::unique_ptr<Command> make_verify();

/// Says why a command can't be done in a database, and what to do instead; returns the exit code.
int refuse_elsewhere(const Sentence& why_and_what);

/// "NAME is not enrolled", as every command says it; returns the exit code.
int complain_unenrolled(const Account& account);

/// That the account has no device of that name, and how to see which it has.
Sentence no_such_device(const Account& account, const std::string& name);

}  // namespace totp
