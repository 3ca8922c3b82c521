#include "pam_module/fleet/line.h"

#include "pam_module/fleet/orders.h"

namespace totp {

Result<Connections*> Line::connections() {
    if (!settings_) return settings_.failure();
    const auto& settings = settings_->database;
    const Deadline deadline{std::chrono::seconds(settings.deadline)};
    if (postgresql_) {
        postgresql_->renew(deadline);
    } else {
        const auto database = identity_(settings);
        if (!database) return database.failure();
        postgresql_.emplace(*database, deadline);
    }
    return &*postgresql_;
}

/// Why there is no connection, if there is none.
std::optional<Failure> Line::connect() {
    const auto from = connections();
    if (!from) return from.failure();
    if (connection_) return std::nullopt;
    auto connection = (*from)->next();
    if (!connection) return unusable(connection.failure().message.english());
    connection_ = *std::move(connection);
    return std::nullopt;
}

Result<Values> Line::run(const Statement& statement) {
    if (auto failure = connect()) {
        hang_up();
        return *std::move(failure);
    }
    auto facts = facts_in(connection_->run(statement));
    if (!facts && facts.failure().trouble != Trouble::input) hang_up();
    return facts;
}

}  // namespace totp
