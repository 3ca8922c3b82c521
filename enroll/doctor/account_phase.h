// The account phase, which stands between a login and the session of who has still to enrol.
#pragma once

#include "enroll/doctor/line_examiner.h"

namespace totp {

/// Whether everybody who comes by `auth_line`, where people enrol, comes to our line in the account phase
/// too. Adds what it finds.
void examine_account_phase(const Surroundings& surroundings, const ServiceStacks& stacks,
                           const StackLine& auth_line, LineExaminer& lines, Examination& result);

}  // namespace totp
