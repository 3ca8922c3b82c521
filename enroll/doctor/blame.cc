#include "enroll/doctor/blame.h"

#include <algorithm>

#include "enroll/doctor/known_modules.h"

namespace totp {
namespace {

using Lines = std::span<const StackLine>;

const Action& action_of(Lines stack, const Step& step) { return stack[step.line].action_on(step.code); }

/// The step that leads past a line of ours; nothing where none does.
std::optional<std::size_t> step_past_ours(Lines stack, const Way& way) {
    for (std::size_t step = 0; step < way.steps.size(); ++step) {
        if (!leads_past(action_of(stack, way.steps[step]))) continue;
        for (auto line = way.steps[step].line + 1; line < line_after(way, step, stack); ++line) {
            if (is_ours(stack[line])) return step;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> step_at_ours(Lines stack, const Way& way) {
    const auto step =
        std::ranges::find_if(way.steps, [&](const Step& each) { return is_ours(stack[each.line]); });
    if (step == way.steps.end()) return std::nullopt;
    return static_cast<std::size_t>(step - way.steps.begin());
}

/// The step that forgets what ours answered; nothing where none does.
std::optional<std::size_t> step_that_forgets(Lines stack, const Way& way) {
    const auto ours = step_at_ours(stack, way);
    if (!ours) return std::nullopt;
    for (auto step = *ours + 1; step < way.steps.size(); ++step) {
        if (action_of(stack, way.steps[step]).verb == Verb::reset) return step;
    }
    return std::nullopt;
}

}  // namespace

bool leads_past(const Action& action) { return action.verb == Verb::jump || action.verb == Verb::done; }

std::size_t line_after(const Way& way, std::size_t step, Lines stack) {
    return step + 1 < way.steps.size() ? way.steps[step + 1].line : stack.size();
}

StepsToBlame steps_to_blame(Lines stack, const Way& way) {
    return {step_past_ours(stack, way), step_that_forgets(stack, way), step_at_ours(stack, way)};
}

std::size_t blamed_line(Lines stack, const Way& way) {
    if (way.condition) return *way.condition;
    const auto [past_ours, forgets, ours] = steps_to_blame(stack, way);
    for (const auto& step : {past_ours, forgets, ours}) {
        if (step) return way.steps[*step].line;
    }
    return way.steps.empty() ? 0 : way.steps.back().line;
}

}  // namespace totp
