// An account in a fleet's database, which root looks after from an administrator's host.
#pragma once

#include <optional>
#include <string>

#include "core/order.h"
#include "core/policy.h"
#include "core/store.h"
#include "enroll/session.h"

namespace totp {

class AccountElsewhere {
  public:
    AccountElsewhere(std::string name, Settings settings, bool json)
        : account_{std::move(name)}, settings_(std::move(settings)), json_(json) {}

    /// As the database has it; this machine needn't know it.
    const Account& account() const { return account_; }
    const Settings& settings() const { return settings_; }
    bool json() const { return json_; }

    /// Has it done in the database, `values` after the account's name; or why it isn't, or may not be.
    Result<Values> order(const std::string& word, Values values = {}) const;

  private:
    Account account_;
    Settings settings_;
    bool json_;
};

/// The account that the options mean, where a database has it; nothing where this machine has.
Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options);

/// A value of an order.
std::optional<SecretBytes> value_of(std::string_view text);

}  // namespace totp
