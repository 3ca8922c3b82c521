// Everybody's records, read by a few threads, for who looks after all of them. No lock is taken, so no
// login waits: what is seen was so a moment ago. Knows of accounts what the store does, not whether they
// still exist.
#pragma once

#include <functional>
#include <optional>

#include "core/file_store.h"
#include "core/policy.h"

namespace totp {

/// What a login of the account would begin with.
struct AccountRecords {
    std::optional<Enrolment> enrolment;  ///< nothing if nobody is enrolled
    LoginState state;
};

/// Told each account of which there is a record, once, and what stands in its records or why a login can't
/// use them. Its uid is the owner's of its records, root's only if all are root's. The threads tell it at
/// the same time, each of accounts of its own.
using SurveyWitness = std::function<void(const Account& account, const Result<AccountRecords>& records)>;

/// Goes through the store in no order; memory doesn't grow with the number of accounts. Fails only where it
/// can't go on.
///
/// `missing_state`  what a login does about a state that is missing.
Result<Done> survey(const FileStorePlaces& places, MissingState missing_state, UnixTime now,
                    const SurveyWitness& witness);

}  // namespace totp
