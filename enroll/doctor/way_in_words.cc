#include "enroll/doctor/way_in_words.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "core/percent.h"
#include "enroll/doctor/known_modules.h"

namespace totp {
namespace {

using Lines = std::span<const StackLine>;

/// The module and its arguments, as the line has them.
std::string called(const StackLine& line) {
    auto subject = printable(line.module);
    for (const auto& argument : line.arguments) subject += " " + printable(argument);
    return subject;
}

/// A clause, to follow what was answered.
Sentence outcome_of(const Action& action) {
    switch (action.verb) {
        case Verb::ignore: return tr("which counts for nothing");
        case Verb::ok: return tr("which counts");
        case Verb::done: return tr("and the rest of this stack isn't run");
        case Verb::bad: return tr("which is a refusal");
        case Verb::die: return tr("which is a refusal at once");
        case Verb::reset: return tr("and what was answered in this stack so far is forgotten");
        case Verb::jump:
            return tr_n("and the next line is passed over", "and the next %1 lines are passed over",
                        action.lines);
    }
    return {};
}

const Action& action_of(Lines stack, const Step& step) {
    return stack[step.line].control[static_cast<std::size_t>(step.code)];
}

bool leads_past(const Action& action) { return action.verb == Verb::jump || action.verb == Verb::done; }

std::size_t line_after(const Way& way, std::size_t step, Lines stack) {
    return step + 1 < way.steps.size() ? way.steps[step + 1].line : stack.size();
}

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

/// How many lines of its own stack a line passes over to come to `target`.
int lines_between(Lines stack, std::size_t line, std::size_t target) {
    const auto passed = stack.subspan(line + 1, target - line - 1);
    return static_cast<int>(std::ranges::count_if(
        passed, [&](const StackLine& each) { return each.level == stack[line].level; }));
}

/// Against a line that leads past ours on success.
Sentence make_it_lead_to_ours(Lines stack, std::size_t line, std::size_t ours) {
    const int lines = lines_between(stack, line, ours);
    if (stack[ours].level > stack[line].level || lines == 0)
        return tr("write %1 in its place", {written(Phase::auth, "requisite", stack[line])});
    const auto control = "[success=" + std::to_string(lines) + " default=ignore]";
    return tr("write %1 in its place, so that it leads to %2",
              {written(Phase::auth, control, stack[line]), text_of(stack[ours].place)});
}

/// Against a jump that leads past ours to where ours wouldn't be run either. What else the line does stays.
Sentence jump_to_ours(Lines stack, const Step& step, std::size_t ours) {
    const int lines = lines_between(stack, step.line, ours);
    const auto action = lines == 0 ? "ok" : std::to_string(lines);
    return tr("write %1 in its control, so that it leads to %2",
              {"`" + std::string(name_of_code(step.code)) + "=" + action + "`", text_of(stack[ours].place)});
}

/// Whether whoever comes to `target` on this way goes on to the line right behind it.
bool goes_on_behind(Lines stack, const Way& way, std::size_t target) {
    const auto step = std::ranges::find(way.steps, target, &Step::line);
    return step == way.steps.end() || !leads_past(action_of(stack, *step));
}

Sentence move_ours(Lines stack, std::size_t ours, std::size_t target) {
    const auto line = written(Phase::auth, "required", stack[ours]);
    const auto from = text_of(stack[ours].place);
    if (target >= stack.size())
        return tr("move the line %1 from %2 to the top of that file's auth lines", {line, from});
    return tr("move the line %1 from %2 to right after %3", {line, from, text_of(stack[target].place)});
}

}  // namespace

bool is_ours(const StackLine& line) {
    return line.kind == StackLine::Kind::module && line.module_name() == our_module;
}

std::string written(Phase phase, std::string_view control, const StackLine& line) {
    auto text = "`" + std::string(name_of(phase)) + " " + std::string(control) + " " + printable(line.module);
    for (const auto& argument : line.arguments) {
        const bool has_blank = argument.find(' ') != std::string::npos;
        text += has_blank ? " [" + printable(argument) + "]" : " " + printable(argument);
    }
    return text + "`";
}

std::vector<Sentence> steps_in_words(Lines stack, const Way& way) {
    std::vector<Sentence> words;
    words.reserve(way.steps.size());
    for (const auto& step : way.steps) {
        const auto& line = stack[step.line];
        const Sentence place = text_of(line.place);
        const Sentence code = name_of_code(step.code);
        const auto outcome = outcome_of(action_of(stack, step));
        words.push_back(line.kind == StackLine::Kind::must_fail
                            ? tr("%1: %2, so libpam answers %3, %4", {place, line.complaint, code, outcome})
                            : tr("%1: %2 answers %3, %4", {place, called(line), code, outcome}));
    }
    return words;
}

std::size_t blamed_line(Lines stack, const Way& way) {
    if (way.condition) return *way.condition;
    if (const auto step = step_past_ours(stack, way)) return way.steps[*step].line;
    if (const auto step = step_that_forgets(stack, way)) return way.steps[*step].line;
    if (const auto step = step_at_ours(stack, way)) return way.steps[*step].line;
    return way.steps.empty() ? 0 : way.steps.back().line;
}

Sentence change_against(Lines stack, const Way& way) {
    if (const auto step = step_past_ours(stack, way)) {
        const auto line = way.steps[*step].line;
        const auto ours = static_cast<std::size_t>(
            std::find_if(stack.begin() + static_cast<std::ptrdiff_t>(line) + 1, stack.end(), is_ours) -
            stack.begin());
        const auto target = line_after(way, *step, stack);
        if (action_of(stack, way.steps[*step]).verb == Verb::jump) {
            return goes_on_behind(stack, way, target) ? move_ours(stack, ours, target)
                                                      : jump_to_ours(stack, way.steps[*step], ours);
        }
        return make_it_lead_to_ours(stack, line, ours);
    }
    if (const auto step = step_that_forgets(stack, way))
        return tr("write `ignore` in place of `reset` at %1", {text_of(stack[way.steps[*step].line].place)});
    if (const auto step = step_at_ours(stack, way)) {
        const auto& line = stack[way.steps[*step].line];
        return tr("write %1 in its place", {written(Phase::auth, "required", line)});
    }
    return {};
}

}  // namespace totp
