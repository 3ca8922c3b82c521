// What to change where somebody gets in without a code. Nothing is proposed before the prover has tried it: a
// change that leaves another way past a code, or shuts out whom the stack let in by password and code, is
// none.
#pragma once

#include <optional>

#include "enroll/doctor/stack_trial.h"

namespace totp {

/// One change or several, by which nobody gets in without a code; nothing where none were found.
///
/// `way`  how somebody does, whatever the conditions say.
std::optional<Sentence> change_of_bypass(const JudgedStack& judged, const Way& way);

/// A line of ours for a stack without one, right after the line `after` of the service's file, and what else
/// is to change then; nothing where that isn't enough.
std::optional<Sentence> change_that_adds_ours(const JudgedStack& judged, const FileLine& after,
                                              const Settings& settings);

}  // namespace totp
