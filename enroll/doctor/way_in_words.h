// A way through a stack told to people: what each line answers, what libpam makes of it, and what to change.
#pragma once

#include <string>
#include <vector>

#include "enroll/doctor/stack_prover.h"

namespace totp {

/// One sentence for each step: "FILE:LINE: pam_unix.so answers success, and the rest isn't run".
std::vector<Sentence> steps_in_words(std::span<const StackLine> stack, const Way& way);

/// The line to blame for a way that leads past a code: the condition, or ours if it was asked, or the one
/// that leads past it.
std::size_t blamed_line(std::span<const StackLine> stack, const Way& way);

/// What to change there, so that nothing leads past it any more.
Sentence change_against(std::span<const StackLine> stack, const Way& way);

bool is_ours(const StackLine& line);

/// The line as it should stand, for the same module and arguments: "auth required pam_totp.so nullok".
std::string written(Phase phase, std::string_view control, const StackLine& line);

}  // namespace totp
