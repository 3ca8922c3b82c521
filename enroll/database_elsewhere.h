// A fleet's database: root changes it from an administrator's host, and people what it has of them.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/child_process.h"
#include "core/order.h"
#include "core/policy.h"
#include "enroll/session.h"

namespace totp {

class DatabaseElsewhere {
  public:
    explicit DatabaseElsewhere(Settings settings)
        : settings_(std::move(settings)), line_(std::make_shared<Line>()) {}

    const Settings& settings() const { return settings_; }

    /// Has it done there; or why it isn't, or may not be. Several threads may order, and wait for each other.
    Result<Values> order(const std::string& word, Values values) const;

  private:
    /// The program that asks it, from the first order on; copies share it.
    struct Line {
        std::mutex mutex;
        std::optional<StandingProgram> program;
    };
    Result<SecretBytes> answer_to(const Order& order) const;

    Settings settings_;
    std::shared_ptr<Line> line_;
};

/// The database that has the accounts; nothing where this machine has, or where its own are meant.
Result<std::optional<DatabaseElsewhere>> find_database(const SharedOptions& options);

/// The same for who acts on many: root alone.
Result<std::optional<DatabaseElsewhere>> find_database_of_all(const SharedOptions& options);

/// An answer about the account that no order has.
Failure senseless(const std::string& account);

/// A value of an order.
std::optional<SecretBytes> value_of(std::string_view text);

/// Whether an order was answered by this word alone; a truth value is "t" or "f".
bool says(const Values& facts, std::string_view word);

/// The one text that an order was answered by; nothing where it is another number, or none.
std::optional<std::string_view> one_text_of(const Values& facts);

}  // namespace totp
