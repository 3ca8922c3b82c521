#include "enroll/doctor/bypass_change.h"

#include <algorithm>

#include "enroll/doctor/blame.h"
#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/leading_on.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

/// After so many changes it is easier to write the stack anew.
constexpr int most_changes = 5;

struct Change {
    Sentence words;
    Edit edit;
};

/// Not in a file yet.
bool is_new(const StackLine& line) { return line.place.line == 0; }

Sentence name_of(const StackLine& line) { return is_new(line) ? tr("the new line") : text_of(line.place); }

/// Against one way, where that has been found to blame: whatever might do.
class Changes {
  public:
    Changes(const Stack& stack, const Way& way) : stack_(stack), way_(way) {}

    std::vector<Change> all() const {
        const auto [past_ours, forgets, ours] = steps_to_blame(stack_, way_);
        if (past_ours) return against_passing_ours(*past_ours);
        if (forgets) return {never_forgetting(line_of(*forgets))};
        if (ours) return {with_control(line_of(*ours), "required")};
        return {};
    }

  private:
    const StackLine& line_of(std::size_t step) const { return stack_[way_.steps[step].line]; }

    std::vector<Change> against_passing_ours(std::size_t step) const {
        const auto line = way_.steps[step].line;
        const auto behind = stack_.begin() + static_cast<std::ptrdiff_t>(line) + 1;
        const auto ours =
            static_cast<std::size_t>(std::find_if(behind, stack_.end(), is_ours) - stack_.begin());
        auto changes = line_of(step).action_on(way_.steps[step].code).verb == Verb::jump
                           ? against_jump(step, ours)
                           : std::vector{leading_to_ours(line, ours)};
        if (const auto first = first_factor_beside(stack_[line]); first && !is_new(stack_[ours])) {
            for (const bool adds_permit : {false, true})
                changes.push_back(leading_on_to_ours(*first, ours, adds_permit));
        }
        return changes;
    }
    std::vector<Change> against_jump(std::size_t step, std::size_t ours) const {
        const auto target = line_after(way_, step, stack_);
        auto jump = jumping_to_ours(way_.steps[step], ours);
        if (!goes_on_behind(target) || is_new(stack_[ours])) return {std::move(jump)};
        return {moving_ours(ours, target), std::move(jump)};
    }
    /// The first line that checks a password in the stack of `line`.
    std::optional<std::size_t> first_factor_beside(const StackLine& line) const {
        for (std::size_t i = 0; i < stack_.size(); ++i) {
            if (is_first_factor(stack_[i]) && are_of_one_stack(stack_[i], line)) return i;
        }
        return std::nullopt;
    }
    /// Whether whoever comes to `target` on this way goes on to the line right behind it.
    bool goes_on_behind(std::size_t target) const {
        const auto step = std::ranges::find(way_.steps, target, &Step::line);
        return step == way_.steps.end() || !leads_past(stack_[target].action_on(step->code));
    }
    /// How many lines of its own stack a line passes over to come to `target`.
    int lines_between(std::size_t line, std::size_t target) const {
        int lines = 0;
        for (auto i = line + 1; i < target; ++i) lines += stack_[i].level == stack_[line].level;
        return lines;
    }

    static Change with_control(const StackLine& line, const std::string& control) {
        return {written_at(line, control), {.controls = {new_control(line, control)}}};
    }
    /// A line that leads past it on success.
    Change leading_to_ours(std::size_t line, std::size_t ours) const {
        const int lines = lines_between(line, ours);
        if (stack_[ours].level > stack_[line].level || lines == 0)
            return with_control(stack_[line], "requisite");
        auto change = with_control(stack_[line], "[success=" + std::to_string(lines) + " default=ignore]");
        change.words = tr("%1, so that it leads to %2", {change.words, name_of(stack_[ours])});
        return change;
    }
    /// A jump past it, to where ours wouldn't be run either. What else the line does stays.
    Change jumping_to_ours(const Step& step, std::size_t ours) const {
        const auto& line = stack_[step.line];
        const int lines = lines_between(step.line, ours);
        auto control = line.control;
        control[static_cast<std::size_t>(step.code)] =
            lines == 0 ? Action{Verb::ok} : Action{Verb::jump, lines};
        const auto action =
            std::string(name_of_code(step.code)) + "=" + (lines == 0 ? "ok" : std::to_string(lines));
        return {tr("write %1 in the control at %2, so that it leads to %3",
                   {"`" + action + "`", text_of(line.place), name_of(stack_[ours])}),
                {.controls = {{line.place, control}}}};
    }
    static Sentence moved_behind(const StackLine& ours, const FileLine& to) {
        return tr("move the line %1 from %2 to right after %3",
                  {written(Phase::auth, "required", ours), text_of(ours.place), text_of(to)});
    }
    /// To right behind `target`; to the top, where that is the end.
    Change moving_ours(std::size_t ours, std::size_t target) const {
        const auto& line = stack_[ours];
        Edit edit{.controls = {new_control(line, "required")}};
        if (target < stack_.size()) {
            const auto& to = stack_[target].place;
            edit.move = {.line = ours, .to = to};
            return {moved_behind(line, to), edit};
        }
        const auto top = std::ranges::find_if(
            stack_, [&](const StackLine& each) { return each.place.file == line.place.file; });
        edit.move = {.line = ours, .to = top->place, .side = Edit::Side::before};
        return {tr("move the line %1 from %2 to the top of that file's auth lines",
                   {written(Phase::auth, "required", line), text_of(line.place)}),
                edit};
    }
    /// All lines of a file that check a password, where what comes behind ours lets nobody in.
    Change leading_on_to_ours(std::size_t first, std::size_t ours, bool adds_permit) const {
        auto leading = leading_on(stack_, first, ours);
        leading.edit.move->adds_permit = adds_permit;
        const auto& line = stack_[ours];
        auto move = adds_permit
                        ? tr("add the line %1 after %2; move the line %3 from %4 to right behind that",
                             {"`auth required pam_permit.so`", text_of(leading.last()),
                              written(Phase::auth, "required", line), text_of(line.place)})
                        : moved_behind(line, leading.last());
        leading.edit.controls.push_back(new_control(line, "required"));
        return {leading.and_then(std::move(move)), std::move(leading.edit)};
    }
    static Change never_forgetting(const StackLine& line) {
        auto control = line.control;
        std::ranges::replace(control, Action{Verb::reset}, Action{Verb::ignore});
        return {tr("write `ignore` in place of `reset` at %1", {text_of(line.place)}),
                {.controls = {{line.place, control}}}};
    }

    const Stack& stack_;
    const Way& way_;
};

bool may_ignore(const JudgedStack& judged) {
    return std::ranges::any_of(judged.ours, [&](const OurLine& ours) {
        return unenrolled_at(ours.settings, judged.now) != Unenrolled::refuse;
    });
}

/// Where ours can't let anybody in for another reason, that is told, too: here it counts as if it could.
bool shuts_somebody_out(const JudgedStack& judged, const Trial& before, const Trial& after) {
    if (!std::ranges::all_of(judged.ours, &OurLine::is_usable)) return false;
    return !after.lets_anybody_in() || !after.keeps(before, true) ||
           (may_ignore(judged) && !after.keeps(before, false));
}

/// `judged`, and so on until nobody gets in without a code.
std::optional<Sentence> changes_from(const JudgedStack& judged, const Way& way, int changes_left) {
    if (changes_left == 0 || !can_be_tried(judged.stack)) return std::nullopt;
    const Trial before(judged);
    for (const auto& [words, edit] : Changes(judged.stack, way).all()) {
        const Trial after(judged, edit);
        if (shuts_somebody_out(judged, before, after) || after.by_code_alone() > before.by_code_alone())
            continue;
        const auto left = after.without_code().open;
        if (!left) return words;
        if (const auto rest = changes_from(after.judged(), *left, changes_left - 1))
            return tr("%1; %2", {words, *rest});
    }
    return std::nullopt;
}

}  // namespace

std::optional<Sentence> change_of_bypass(const JudgedStack& judged, const Way& way) {
    return changes_from(judged, way, most_changes);
}

std::optional<Sentence> change_that_adds_ours(const JudgedStack& judged, const FileLine& after,
                                              const Settings& settings) {
    auto stack = judged.stack;
    const auto last = std::ranges::find(stack.rbegin(), stack.rend(), after, &StackLine::in_service);
    StackLine line;
    line.place = line.in_service = {after.file, 0};
    line.control = parse_control("required");
    line.module = our_module;
    const auto here = stack.insert(last.base(), std::move(line));
    const bool is_there = find_module(judged.places, here->module).has_value();
    const std::vector<OurLine> ours{{static_cast<std::size_t>(here - stack.begin()), settings, is_there}};
    const auto words =
        tr("add the line %1 after %2", {written(Phase::auth, "required", *here), text_of(after)});

    const JudgedStack with_ours{judged.places, stack, ours, judged.now};
    const auto open = Trial(with_ours).without_code().open;
    if (!open) return words;
    const auto rest = changes_from(with_ours, *open, most_changes);
    if (!rest) return std::nullopt;
    return tr("%1; %2", {words, *rest});
}

}  // namespace totp
