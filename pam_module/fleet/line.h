// A line to a fleet's database that stays from one statement to the next.
#pragma once

#include <memory>
#include <optional>

#include "core/order.h"
#include "core/policy.h"
#include "pam_module/fleet/postgresql.h"

namespace totp {

class Line {
  public:
    /// Who asks by which certificate: one of identity's.
    using Identity = Result<Database> (*)(Database);

    Line(Result<Settings> settings, Identity identity)
        : settings_(std::move(settings)), identity_(identity) {}

    /// On the connection of the statement before, unless anything was in doubt on it.
    Result<Values> run(const Statement& statement);

    /// Connections of its own for who needs them, with a new deadline for all that is done from now on.
    Result<Connections*> connections();

    void hang_up() {
        connection_.reset();
        postgresql_.reset();
    }

  private:
    std::optional<Failure> connect();

    Result<Settings> settings_;
    Identity identity_;
    std::optional<Postgresql> postgresql_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace totp
