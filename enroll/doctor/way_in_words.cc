#include "enroll/doctor/way_in_words.h"

#include "core/percent.h"
#include "enroll/doctor/blame.h"

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

}  // namespace

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
        const auto outcome = outcome_of(line.action_on(step.code));
        words.push_back(line.kind == StackLine::Kind::must_fail
                            ? tr("%1: %2, so libpam answers %3, %4", {place, line.complaint, code, outcome})
                            : tr("%1: %2 answers %3, %4", {place, called(line), code, outcome}));
    }
    return words;
}

CheckFinding& add_way(Examination& result, Severity severity, Lines stack, const Way& way, std::string kind,
                      Sentence sentence, Sentence change) {
    auto& finding = result.add(severity, std::move(kind), std::move(sentence),
                               stack[blamed_line(stack, way)].place, std::move(change));
    finding.steps = steps_in_words(stack, way);
    return finding;
}

Sentence written_at(const StackLine& line, std::string_view control) {
    return tr("write %1 at %2", {written(Phase::auth, control, line), text_of(line.place)});
}

}  // namespace totp
