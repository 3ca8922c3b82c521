// A way through a stack told to people: what each line answers, and what libpam makes of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "enroll/doctor/examination.h"
#include "enroll/doctor/stack_prover.h"

namespace totp {

/// One sentence for each step: "FILE:LINE: pam_unix.so answers success, and the rest isn't run".
std::vector<Sentence> steps_in_words(std::span<const StackLine> stack, const Way& way);

/// The line as it should stand, for the same module and arguments: "auth required pam_totp.so nullok".
std::string written(Phase phase, std::string_view control, const StackLine& line);

/// A finding about a way, at the line that is to blame for it, with the steps.
CheckFinding& add_way(Examination& result, Severity severity, std::span<const StackLine> stack,
                      const Way& way, std::string kind, Sentence sentence, Sentence change);

/// "write `auth CONTROL MODULE` at FILE:LINE"
Sentence written_at(const StackLine& line, std::string_view control);

}  // namespace totp
