// What is wrong with the PAM stacks of a service where codes are concerned.
#pragma once

#include <string>

#include "enroll/doctor/examination.h"

namespace totp {

/// `service` as an application names it; the examination has it in small letters, as libpam looks for it.
Examination examine_service(const Surroundings& surroundings, const std::string& service);

/// Whether a line of any phase is ours.
bool is_ours_in(const ServiceStacks& stacks);

}  // namespace totp
