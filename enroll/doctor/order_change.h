// What to change where a code is asked of people whose password wasn't right. Nothing is proposed before the
// prover has tried it: a change that lets somebody in without a code, or shuts out whom the stack let in, is
// none.
#pragma once

#include <optional>

#include "enroll/doctor/stack_trial.h"

namespace totp {

/// The change; nothing where none was found that holds.
///
/// `way`    how somebody whose password was wrong comes to a line of ours.
/// `asked`  that line, as an index into the stack.
std::optional<Sentence> change_of_order(const JudgedStack& judged, const Way& way, std::size_t asked);

}  // namespace totp
