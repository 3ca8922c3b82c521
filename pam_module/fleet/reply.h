// What a reply to totp.verify() means: a pure decision, without libpq and without a clock. Whatever isn't
// said in full, and alone, is a doubt; no doubt lets anybody in.
#pragma once

#include <string>
#include <variant>

#include "pam_module/fleet/connection.h"
#include "pam_module/outcome.h"

namespace totp {

/// Which reply is awaited. A question is asked twice, each time in a transaction of its own: in one, a stolen
/// host could read the verdict, undo the transaction and never have guessed.
enum class Asked {
    enrolled,  ///< whether the account is enrolled
    charge,    ///< that the attempt is put down: no word yet on whether the code is right
    verdict,   ///< on what was put down
    again,     ///< either, after a doubt: what was asked before may have been done or not
};

/// The attempt is put down; the verdict is there to be asked for.
struct Pending {};

/// What can't be relied on.
struct Doubt {
    std::string why;             ///< for the log
    bool may_ask_again = false;  ///< on another connection, with the same nonce
    bool is_shut_out = false;    ///< the host: its administrators have switched it off
};

using Meaning = std::variant<Doubt, Pending, bool, Outcome>;  ///< bool: enrolled or not

/// The columns that totp.verify() answers with, in this order.
inline constexpr const char* reply_columns[] = {"verdict", "reason",   "device",
                                                "drift",   "failures", "retry_in"};

Meaning meaning_of(const Reply& reply, Asked asked);

/// What totp.require_host_on() raises: no other failure of that state ends so.
bool is_shut_out(const Reply& reply);

}  // namespace totp
