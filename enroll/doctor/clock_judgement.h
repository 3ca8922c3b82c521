// Whether the clock can be trusted with time-based codes: pure, but for asking the kernel.
#pragma once

#include <vector>

#include "enroll/doctor/finding.h"

namespace totp {

/// Whether the kernel believes that its clock is set by something (adjtimex(2)).
bool is_clock_synchronised();

std::vector<CheckFinding> judge_clock(bool is_synchronised);

}  // namespace totp
