#include "pam_module/fleet/orders.h"

#include <algorithm>

#include "pam_module/fleet/reply.h"

namespace totp {
namespace {

/// What the schema itself raises where PostgreSQL has the same state for rights that somebody lacks.
bool is_withheld(const Reply& reply) {
    return reply.sqlstate == "42501" &&
           (reply.failure == "a code must be accepted before" ||
            reply.failure == "an administrator gives a token for the first enrolment");
}

bool is_refusal(const Reply& reply) {
    constexpr std::string_view states[] = {"P0002", "22023", "23505"};
    return std::ranges::count(states, reply.sqlstate) > 0 || is_withheld(reply) || is_shut_out(reply);
}

}  // namespace

Failure unusable(const std::string& why) {
    return {Trouble::store, "the database can't be relied on: " + why};
}

Failure unknown_order() { return unusable("no such order is known: is totp-enroll of the same version?"); }

std::optional<Statement> statement_of(const Order& order, std::span<const KnownOrder> known,
                                      std::vector<Parameter> first) {
    const auto found = std::ranges::find(known, order.word, &KnownOrder::word);
    if (found == known.end() || found->values != order.values.size()) return std::nullopt;
    Statement statement{found->statement, std::move(first)};
    statement.parameters.reserve(statement.parameters.size() + order.values.size());
    for (std::size_t i = 0; i < order.values.size(); ++i)
        statement.parameters.push_back({order.values[i], (found->secrets >> i & 1U) != 0});
    return statement;
}

Result<Values> facts_in(const Reply& reply) {
    constexpr std::string_view look = "; whether it was done, totp-enroll status tells";
    if (!reply.notices.empty())
        return unusable("the server warns: " + reply.notices.front() + std::string(look));
    if (!reply.failure.empty() && reply.is_committed && is_refusal(reply))
        return Failure{Trouble::input, reply.failure};
    if (reply.sqlstate == "42883")
        return unusable(reply.failure + ": is its schema of the same version? (migrate)");
    if (!reply.failure.empty())
        return unusable(reply.failure + (reply.is_committed ? "" : std::string(look)));
    if (!reply.is_committed || reply.results != 1) return unusable("its reply isn't one" + std::string(look));
    Values values;
    values.reserve(reply.rows.size());
    for (const auto& row : reply.rows) {
        const auto& text = row.at(0);
        values.push_back(text ? std::optional(SecretBytes(std::string_view(*text))) : std::nullopt);
    }
    return values;
}

}  // namespace totp
