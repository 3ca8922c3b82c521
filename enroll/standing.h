// How an account stands: the facts of `status`, for people and for scripts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy.h"
#include "core/store.h"
#include "enroll/account_elsewhere.h"
#include "enroll/json_fwd.h"

namespace totp {

/// A clause about a device.
Sentence clock_off_by(std::int64_t seconds);

/// The documented shape, for an account that is enrolled or not.
Json standing_of(const std::string& user, const std::optional<Enrolment>& enrolment, const LoginState& state,
                 const Policy& policy, UnixTime now);

/// The same for an account whose records can't be used; for scripts alone.
Json standing_of_unusable(const std::string& user, const Failure& failure);

/// The same as a database tells it.
Result<Json> standing_of(const AccountElsewhere& account);

/// The same of the next accounts after the one of this name, some of them at once; '' begins. None come last.
Result<std::vector<Json>> standings_after(const std::string& name, const DatabaseElsewhere& database);

/// A page about it, for people.
std::string page_of(const Json& standing, bool is_for_root);

/// One line.
std::string line_of(const Json& standing);

}  // namespace totp
