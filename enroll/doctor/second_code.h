// Whether one code is enough at a stack with several lines of ours.
#pragma once

#include "enroll/doctor/stack_trial.h"

namespace totp {

/// Whether who is enrolled gets in by no single code: two lines ask, and neither passes for the other.
bool is_second_code_needed(const JudgedStack& judged);

}  // namespace totp
