// An account in a fleet's database, which root looks after from an administrator's host.
#pragma once

#include <optional>
#include <string>

#include "core/store.h"
#include "enroll/database_elsewhere.h"

namespace totp {

class AccountElsewhere {
  public:
    AccountElsewhere(std::string name, DatabaseElsewhere database, bool json)
        : account_{std::move(name)}, database_(std::move(database)), json_(json) {}

    /// As the database has it; this machine needn't know it.
    const Account& account() const { return account_; }
    const Settings& settings() const { return database_.settings(); }
    bool json() const { return json_; }

    /// As DatabaseElsewhere::order(), `values` after the account's name.
    Result<Values> order(const std::string& word, Values values = {}) const;

  private:
    Account account_;
    DatabaseElsewhere database_;
    bool json_;
};

/// The account that the options mean, where a database has it; nothing where this machine has.
Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options);

}  // namespace totp
