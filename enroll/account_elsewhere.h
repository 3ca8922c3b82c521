// An account in a fleet's database: root looks after it from an administrator's host, and its owner from
// where people may.
#pragma once

#include <optional>
#include <string>

#include "core/store.h"
#include "enroll/database_elsewhere.h"

namespace totp {

class AccountElsewhere {
  public:
    AccountElsewhere(Account account, DatabaseElsewhere database, bool json)
        : account_(std::move(account)), database_(std::move(database)), json_(json) {}

    /// As the database has it; for root this machine needn't know it.
    const Account& account() const { return account_; }
    const Settings& settings() const { return database_.settings(); }
    bool json() const { return json_; }

    /// As DatabaseElsewhere::order(), about this account: the owner's is the only one they can order about.
    Result<Values> order(const std::string& word, Values values = {}) const;

    /// Whether the owner is enrolled, as they ask themselves. Fails where people change nothing from this
    /// host.
    Result<bool> is_enrolled() const;

    /// The owner shows who they are by a code, which the database accepts; or the failure says how it came
    /// out.
    Result<Done> authenticate_owner() const;

  private:
    Account account_;
    DatabaseElsewhere database_;
    bool json_;
};

/// The account that the options mean, where a database has it; nothing where this machine has.
Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options);

}  // namespace totp
