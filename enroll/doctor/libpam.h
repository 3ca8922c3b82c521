// What the libpam of this machine looks where for: it differs between distributions.
#pragma once

#include "enroll/doctor/pam_stack.h"

namespace totp {

/// Read out of the library itself: which of the known directories its code names, and whether it knows
/// `@include`, as Debian's does, which then takes files in from /etc/pam.d alone.
PamPlaces places_of_libpam();

}  // namespace totp
