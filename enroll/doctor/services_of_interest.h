// What a look at all of this machine's services finds, and which of them it is about.
#pragma once

#include <vector>

#include "enroll/doctor/examination.h"

namespace totp {

/// The services our module is in, and the usual doors, by name.
/// Files that others take in are left out.
std::vector<Examination> examine_services_of_interest(const Surroundings& surroundings);

}  // namespace totp
