// What a look at the whole machine's stacks finds: which of its services are worth one, and what is said of
// files that others take in.
#pragma once

#include <vector>

#include "enroll/doctor/examination.h"

namespace totp {

/// The services our module is in, and the usual doors, by name.
///
/// A file that another takes in may be a service too, or only a part of services: it is left out unless
/// somebody gets in by it without a code and no other service shows that at the same line.
std::vector<Examination> examine_services_of_interest(const Surroundings& surroundings);

}  // namespace totp
