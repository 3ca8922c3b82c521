// What an order means in a fleet's database, and what comes of it there: pure. Takes no statement but those
// that a program knows by their orders.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/order.h"
#include "pam_module/fleet/connection.h"

namespace totp {

/// A statement that an order names.
struct KnownOrder {
    std::string_view word;
    const char* statement;
    std::size_t values;    ///< of the order, which are its last parameters
    unsigned secrets = 0;  ///< which of them are: a bit for each, the first one's being the lowest
};

/// The statement of an order; `first` are the parameters before its values. Nothing for an order that isn't
/// known, or has another number of values.
std::optional<Statement> statement_of(const Order& order, std::span<const KnownOrder> known,
                                      std::vector<Parameter> first = {});

/// What is to be known after a statement with one column. What made no sense there or was refused, by the
/// server's word for it, is Trouble::input, and nothing was done. Whatever is in doubt isn't asked again: it
/// may have been done.
Result<Values> facts_in(const Reply& reply);

/// The database, or what asks it, can't be used.
Failure unusable(const std::string& why);

/// What isn't among the orders that are known.
Failure unknown_order();

}  // namespace totp
