// Which step of a way past a code is to blame for it.
#pragma once

#include <optional>
#include <span>

#include "enroll/doctor/stack_prover.h"

namespace totp {

/// The steps on a way past a code that may be to blame; nothing where there is none such.
struct StepsToBlame {
    std::optional<std::size_t> past_ours;  ///< leads past a line of ours
    std::optional<std::size_t> forgets;    ///< forgets what ours answered
    std::optional<std::size_t> ours;       ///< ours itself
};
StepsToBlame steps_to_blame(std::span<const StackLine> stack, const Way& way);

/// The line to blame for a way that leads past a code: the condition, or the one at the first of those steps.
std::size_t blamed_line(std::span<const StackLine> stack, const Way& way);

/// Where whoever takes a step comes to: the next line that answers, or the end.
std::size_t line_after(const Way& way, std::size_t step, std::span<const StackLine> stack);

/// Whether the line behind isn't run, or maybe isn't.
bool leads_past(const Action& action);

}  // namespace totp
