// Devices of another program become an account's: what is enrolled then, and what is spent of it. No store,
// no file: its only neighbour is the randomness for a salt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/login_state.h"
#include "core/policy.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {

/// What became of one of them.
struct Adopted {
    std::string name;    ///< what the device is called here
    bool is_new = true;  ///< else its secret was enrolled before; only what is spent may have changed
    std::size_t recovery_codes = 0;
};

struct Adoption {
    Enrolment enrolment;
    LoginState state;
    std::vector<Adopted> devices;  ///< as many as were given, in their order

    bool adds_devices() const;
};

/// `enrolment` and `state` with the devices added to them, all or none.
///
/// A device that is there already, with the same secret and shape, stays as it is; but what its program knows
/// to be spent is spent here too. What was spent here is never taken back. Recovery codes come with new
/// devices only: those that were made void must not come back. Where the state of what is enrolled is lost,
/// no file tells what was spent since: it begins anew (with_lost_devices_restarted()).
///
/// `name`  what the device is called; for one device only. Without it phone, phone-2, and so on.
///
/// Fails, as a clause to follow the account's name, where a name is taken, a secret is enrolled in another
/// shape, there would be too many devices or recovery codes, a clock is further off than max_drift allows, or
/// time steps are spent that are far from coming, or a code was used then.
Result<Adoption> adopt(Enrolment enrolment, LoginState state, const std::vector<ForeignDevice>& devices,
                       const std::optional<std::string>& name, const Policy& policy, UnixTime now);

}  // namespace totp
