// The doors that people usually come in by, and what each of them is: where one asks for no code, that is
// worth a word, and the word isn't the same for a password, a finger and nobody at all.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "enroll/doctor/stack_examiner.h"

namespace totp {

enum class DoorKind {
    asking,       ///< asks whatever its stack has it ask
    asking_once,  ///< has one field, and answers every prompt with what stands there
    fingerprint,  ///< a finger opens it, and nothing that it asks is shown
    smart_card,   ///< a card opens it
    automatic,    ///< opens by itself, where it is set to: there is nobody to ask
};

/// What the service is; nothing where it is none of the usual doors.
///
/// `services`  all that there are: of files that another may be a link to, that one counts.
std::optional<DoorKind> usual_door(std::string_view service, const std::set<std::string>& services = {});

/// Whether it may be shut and nobody minds: few machines have it in use.
bool may_be_shut(DoorKind door);

/// Has the finding that no code is asked say what door it is, and what can be done about that. Where a
/// door that may be shut lacks its module, that is no fault.
void tell_of_door(DoorKind door, CheckFinding& finding);

}  // namespace totp
