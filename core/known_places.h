// Where a user has logged in from before: what that is worth to the next attempt from there.
#pragma once

#include <optional>
#include <string_view>

#include "core/login_state.h"
#include "core/place.h"
#include "core/policy.h"

namespace totp {

/// Notes a login. Of more than 8 places the one with the oldest login is forgotten.
void make_known(LoginState& state, KnownPlace login);

/// Whether the user has logged in from `place` within the last 90 days.
bool is_known(const LoginState& state, const Place& place, UnixTime now);

/// Until when the user needs no code from there: `policy.remember` seconds from their last login with one,
/// if that was from this very address. Nothing where they need one: also where the place is no single
/// address, while the known places have to wait, and after the clock was set back.
std::optional<UnixTime> remembered_until(const LoginState& state, const Policy& policy, const Place& place,
                                         std::string_view interface_id, UnixTime now);

}  // namespace totp
