// Who totp-enroll acts on, for whom, and with which store: what every command needs before it starts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_store.h"
#include "core/policy.h"

namespace totp {

/// The options that all commands share, as they were given.
struct SharedOptions {
    std::string user;
    std::string config;
    std::string store;
    std::string key;
    bool json = false;
    bool is_local = false;  ///< what is meant is on this machine, though another engine is set
};

/// Whether root runs this, who may act on anyone and is asked nothing. By the real user: what is borrowed is
/// a group.
bool is_root();

/// Why --local, if it is given, says nothing here.
std::optional<Failure> refuse_needless_local(const Settings& settings, const SharedOptions& options);

/// Why --user can't be given to `command`, which is about everybody.
std::optional<Failure> refuse_user(const SharedOptions& options, const std::string& command);

/// The account of this machine that `user` names: anybody's for root, for others their own, which they
/// needn't name.
Result<Account> find_account(const std::string& user);

/// Where the settings say that everything is.
struct Installation {
    Settings settings;
    FileStorePlaces places;
};

/// The installation that the options mean. They may name another only where no privilege is borrowed.
Result<Installation> find_installation(const SharedOptions& options);

/// The same for who acts on accounts. Refused where these are in a database, unless this machine's are meant.
Result<Installation> find_accounts(const SharedOptions& options);

/// Makes what is missing of it, for the group _totp if this machine has it.
Result<Done> prepare_store(const Installation& installation);

/// One account, and the right to act on it: root's, or its owner's, who has proved to be that.
class Session {
  public:
    Session(Account account, Installation installation, std::unique_ptr<Store> store,
            const SharedOptions& options)
        : account_(std::move(account)),
          installation_(std::move(installation)),
          store_(std::move(store)),
          json_(options.json),
          is_local_(options.is_local) {}

    const Account& account() const { return account_; }
    const Settings& settings() const { return installation_.settings; }
    const Installation& installation() const { return installation_; }
    bool json() const { return json_; }
    bool is_local() const { return is_local_; }

    Result<bool> is_enrolled() const { return store_->is_enrolled(account_); }
    Result<Done> can_enrol() const { return store_->can_enrol(account_); }

    /// As hold_by_settings(). Refused where what the owner has proved doesn't stand any more: a device or
    /// recovery code that was enrolled then was taken away, and may be what they passed by; or they passed by
    /// the password alone, as somebody who isn't enrolled, and meanwhile are.
    Result<std::unique_ptr<HeldAccount>> hold(HoldFor purpose) const;

    /// The owner proves who they are, through PAM; or the failure says how it came out.
    Result<Done> authenticate_owner();

  private:
    Account account_;
    Installation installation_;
    std::unique_ptr<Store> store_;
    bool json_;
    bool is_local_;
    std::optional<std::vector<std::string>> proved_by_;  ///< the ids of all that was enrolled then, in order
};

/// Whether root may act on what is left of an account that is gone, by its name alone.
enum class Remains { refused, allowed };

/// The session the options ask for, with its owner's proof where one is needed.
Result<Session> open_session(const SharedOptions& options, Remains remains = Remains::refused);

}  // namespace totp
