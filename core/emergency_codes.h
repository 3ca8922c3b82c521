// Recovery codes of this machine alone, for while a fleet's database can't be used: an enrolment like any
// other, by which nobody logs in otherwise.
#pragma once

#include <string_view>

#include "core/enrolment.h"

namespace totp {

/// What its one device is called. The device's key is told nobody: it is there so that a lost login state is
/// noticed, which would bring spent codes back.
inline constexpr std::string_view emergency_device = "break-glass";

/// Whether `enrolment` is such a one: its codes can't be in the database too.
bool is_for_emergencies(const Enrolment& enrolment);

/// One without codes yet.
Result<Enrolment> new_emergency_enrolment();

}  // namespace totp
