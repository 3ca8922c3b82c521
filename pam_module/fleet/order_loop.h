// Orders on stdin, obeyed one after the other and answered on stdout, as core/order has them.
#pragma once

#include "core/order.h"

namespace totp {

/// Who is given orders.
class Obeying {
  public:
    virtual ~Obeying() = default;

    virtual Result<Values> obey(const Order& order) = 0;

    /// No order comes for a while. What may take a person's time isn't waited for on an open connection.
    virtual void rest() = 0;
};

/// Until there are no more orders, or one isn't understood: then nothing that follows is. What main() is to
/// return. An order that isn't obeyed in time ends the process.
int answer_orders(Obeying& obeying);

}  // namespace totp
