#include "enroll/doctor/order_change.h"

#include <algorithm>
#include <cstdint>

#include <security/pam_appl.h>

#include "enroll/doctor/pam_text.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

using Players = std::vector<Player>;

/// Of a longer stack nothing is tried: it takes too long, and nobody has one.
constexpr std::size_t longest_tried = 200;
constexpr std::size_t nowhere = SIZE_MAX;

bool stands_in_service(const StackLine& line) { return line.place.file == line.in_service.file; }

const Action& action_on(const StackLine& line, int code) {
    return line.control[static_cast<std::size_t>(code)];
}

/// What is done to the files: a line that is taken in twice is changed twice.
struct Edit {
    struct Control {
        FileLine place;
        std::string control;  ///< as it stands in the file, with its brackets
    };
    std::vector<Control> controls;
    /// Behind which line ours goes; nothing where it stays.
    std::optional<FileLine> after;
    bool is_after_taken_in =
        false;                 ///< that line takes in a file, and ours goes behind all that stands there
    bool adds_permit = false;  ///< pam_permit before it, for who isn't enrolled
};

/// A stack with whatever becomes of its lines.
struct Trial {
    Stack stack;
    std::vector<OurLine> ours;
    std::vector<std::size_t> origins;  ///< which line of the stack it was made of; nowhere for a new one
};

class Editor {
  public:
    Editor(const JudgedStack& judged, std::size_t asked, const Edit& edit)
        : judged_(judged), asked_(asked), edit_(edit) {}

    Trial edited() {
        const auto& stack = judged_.stack;
        for (std::size_t i = 0; i < stack.size(); ++i) {
            const bool moves = edit_.after && stack[i].place == stack[asked_].place;
            if (!moves) take(changed(stack[i]), i, i);
            if (is_followed_by_ours(i)) put_ours(i);
        }
        return std::move(trial_);
    }

  private:
    StackLine changed(StackLine line) const {
        const auto found = std::ranges::find(edit_.controls, line.place, &Edit::Control::place);
        if (found != edit_.controls.end()) {
            auto control = PamWords(found->control);
            line.control = parse_control(control.next().value_or(""));
        }
        return line;
    }
    bool is_followed_by_ours(std::size_t line) const {
        if (!edit_.after) return false;
        const auto& stack = judged_.stack;
        if (!edit_.is_after_taken_in) return stack[line].place == *edit_.after;
        const bool is_last = line + 1 == stack.size() || stack[line + 1].in_service != stack[line].in_service;
        return stack[line].in_service == *edit_.after && is_last;
    }
    void put_ours(std::size_t before) {
        auto ours = judged_.stack[asked_];
        if (!edit_.is_after_taken_in) ours.level = judged_.stack[before].level;
        if (edit_.adds_permit) {
            auto permit = ours;
            permit.module = "pam_permit.so";
            permit.arguments.clear();
            permit.control = parse_control("required");
            take(std::move(permit), nowhere, nowhere);
        }
        take(std::move(ours), asked_, asked_);
    }
    void take(StackLine line, std::size_t origin, std::size_t settings_of) {
        const auto known = std::ranges::find(judged_.ours, settings_of, &OurLine::index);
        if (known != judged_.ours.end()) {
            trial_.ours.push_back(*known);
            trial_.ours.back().index = trial_.stack.size();
        }
        trial_.stack.push_back(std::move(line));
        trial_.origins.push_back(origin);
    }

    const JudgedStack& judged_;
    std::size_t asked_;
    const Edit& edit_;
    Trial trial_;
};

/// How far a stack lets somebody in: not, where a condition has it so, or always.
enum class Openness { shut, conditional, open };

class Judge {
  public:
    Judge(const JudgedStack& judged, Trial trial)
        : judged_(judged), trial_(std::move(trial)), whole_(players(anything)) {}

    bool lets_anybody_in() const { return openness(whole_) != Openness::shut; }

    /// Who gets in by a code alone.
    Openness by_code_alone() const { return openness(players({.is_first_factor_given = false})); }

    /// Who gets in by one proof, the line that came of `origin`.
    Openness by_proof(std::size_t origin, bool is_code_given) const {
        auto alone = players({.is_code_given = is_code_given, .is_first_factor_given = false});
        for (std::size_t i = 0; i < alone.size(); ++i) {
            if (trial_.origins[i] == origin) alone[i] = whole_[i];
        }
        return openness(alone);
    }

    /// Lines whose answers exempt somebody from the code; nothing where anybody gets in without.
    std::optional<std::vector<std::size_t>> exemptions() const {
        auto without = players({.is_code_given = false, .is_unenrolled = false});
        std::vector<std::size_t> exempting;
        for (std::size_t left = trial_.stack.size(); left > 0; --left) {
            const auto way = find_way(trial_.stack, without, whole_);
            if (!way) break;
            if (!way->condition) return std::nullopt;
            exempting.push_back(trial_.origins[*way->condition]);
            shut_condition(trial_.stack, *way, without);
        }
        return exempting;
    }

    /// Whether a code is asked of somebody whose password was wrong.
    bool asks_strangers() const {
        const auto failing = players({.is_first_factor_given = false});
        return std::ranges::any_of(trial_.ours, [&](const OurLine& ours) {
            if (is_one_field(ours)) return false;
            const auto way = find_way(trial_.stack, failing, whole_, ours.index);
            return way && !way->condition;
        });
    }

  private:
    Players players(const Assumption& assumption) const {
        return players_of(judged_.places, trial_.stack, Phase::auth, trial_.ours, assumption, judged_.now);
    }
    Openness openness(const Players& players) const {
        const auto way = find_way(trial_.stack, players, whole_);
        if (!way) return Openness::shut;
        return way->condition ? Openness::conditional : Openness::open;
    }

    const JudgedStack& judged_;
    Trial trial_;
    Players whole_;
};

class Search {
  public:
    Search(const JudgedStack& judged, const Way& way, std::size_t asked)
        : judged_(judged),
          way_(way),
          asked_(asked),
          before_(judged, Editor(judged, asked, {}).edited()),
          exempting_(before_.exemptions().value_or(std::vector<std::size_t>())) {}

    std::optional<Sentence> change() const {
        if (auto found = stricter_control()) return found;
        if (auto found = move_in_its_file()) return found;
        if (!stands_in_service(line())) return std::nullopt;  // others need it where it stands
        if (auto found = move_to_the_password()) return found;
        return jumps_and_move();
    }

  private:
    const Stack& stack() const { return judged_.stack; }
    const StackLine& line() const { return stack()[asked_]; }

    bool holds(const Edit& edit) const {
        const Judge after(judged_, Editor(judged_, asked_, edit).edited());
        if (after.asks_strangers() || !after.lets_anybody_in()) return false;
        const auto exempting = after.exemptions();
        const bool exempts_no_others = exempting && std::ranges::all_of(*exempting, [&](std::size_t each) {
                                           return std::ranges::find(exempting_, each) != exempting_.end();
                                       });
        return exempts_no_others && after.by_code_alone() <= before_.by_code_alone() &&
               keeps_everybody(after);
    }
    bool keeps_everybody(const Judge& after) const {
        for (std::size_t i = 0; i < stack().size(); ++i) {
            if (!is_first_factor(stack()[i])) continue;
            for (const bool is_code_given : {true, false}) {
                if (after.by_proof(i, is_code_given) < before_.by_proof(i, is_code_given)) return false;
            }
        }
        return true;
    }

    /// The lines on the way at which a password was wrong.
    std::vector<std::size_t> passed_over() const {
        std::vector<std::size_t> lines;
        for (const auto& step : way_.steps) {
            if (is_first_factor(stack()[step.line])) lines.push_back(step.line);
        }
        return lines;
    }
    /// Everything after the first line that checks a password.
    std::vector<std::size_t> after_first_factor() const {
        std::vector<std::size_t> lines;
        for (std::size_t i = 0; i < stack().size(); ++i) {
            if (is_first_factor(stack()[i]) || !lines.empty()) lines.push_back(i);
        }
        return lines;
    }

    static Sentence written_at(const StackLine& line, const std::string& control) {
        return tr("write %1 at %2", {written(Phase::auth, control, line), text_of(line.place)});
    }

    std::optional<Sentence> stricter_control() const {
        for (const auto index : passed_over()) {
            const auto& password = stack()[index];
            if (password.level != line().level || !holds({.controls = {{password.place, "requisite"}}}))
                continue;
            return written_at(password, "requisite");
        }
        return std::nullopt;
    }
    std::optional<Sentence> move_in_its_file() const {
        const bool is_of_service = stands_in_service(line());
        std::vector<FileLine> tried;
        for (const auto index : after_first_factor()) {
            const auto& place = is_of_service ? stack()[index].in_service : stack()[index].place;
            if (place.file != line().place.file || std::ranges::count(tried, place) > 0) continue;
            tried.push_back(place);
            if (auto found = move_to(place, is_of_service)) return found;
        }
        return std::nullopt;
    }
    /// Alone, or with a password line that ends the stack where the password was wrong.
    std::optional<Sentence> move_to(const FileLine& place, bool is_after_taken_in) const {
        const auto move = tr("move the line to right after %1", {text_of(place)});
        if (holds({.after = place, .is_after_taken_in = is_after_taken_in})) return move;
        for (const auto& password : stack()) {
            if (!is_first_factor(password)) continue;
            const Edit edit{.controls = {{password.place, "requisite"}},
                            .after = place,
                            .is_after_taken_in = is_after_taken_in};
            if (holds(edit)) return tr("%1; %2", {written_at(password, "requisite"), move});
        }
        return std::nullopt;
    }
    std::optional<Sentence> move_to_the_password() const {
        const auto lines = after_first_factor();
        for (auto index = lines.rbegin(); index != lines.rend(); ++index) {
            const auto& target = stack()[*index];
            if (target.kind == StackLine::Kind::substack || stands_in_service(target)) continue;
            if (holds({.after = target.place})) return moved_to(target.place);
        }
        return std::nullopt;
    }
    static Sentence moved_to(const FileLine& place) {
        return tr(
            "move the line to right after %1; every service that takes in that file asks for a code then",
            {text_of(place)});
    }

    /// Where the lines that check the password end their stack: they lead to ours at its end instead.
    std::optional<Sentence> jumps_and_move() const {
        for (std::size_t i = 0; i < stack().size(); ++i) {
            if (!is_first_factor(stack()[i]) || stands_in_service(stack()[i])) continue;
            return jumps_and_move_in(i);
        }
        return std::nullopt;
    }
    std::optional<Sentence> jumps_and_move_in(std::size_t first) const {
        const auto lines = lines_of_its_stack(first);
        Edit edit{.after = stack()[lines.back()].place};
        std::vector<Sentence> changes;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const auto& each = stack()[lines[i]];
            const auto control = control_that_leads_on(each, lines.size() - i - 1);
            if (control.empty()) continue;
            edit.controls.push_back({each.place, control});
            changes.push_back(written_at(each, control));
        }
        for (const bool adds_permit : {false, true}) {
            edit.adds_permit = adds_permit;
            if (holds(edit)) return in_one_sentence(changes, edit);
        }
        return std::nullopt;
    }
    /// From `first` on, the lines of the file it stands in; those of a substack in it aren't among them.
    std::vector<std::size_t> lines_of_its_stack(std::size_t first) const {
        std::vector<std::size_t> lines;
        for (auto i = first; i < stack().size() && stack()[i].in_service == stack()[first].in_service; ++i) {
            const bool stands_there = stack()[i].place.file == stack()[first].place.file &&
                                      stack()[i].level == stack()[first].level;
            if (stands_there) lines.push_back(i);
        }
        return lines;
    }
    /// `further` is how many lines there are after it. Empty where the line may stay as it is.
    static std::string control_that_leads_on(const StackLine& line, std::size_t further) {
        const bool decides = is_first_factor(line) || line.module_name() == "pam_deny.so";
        if (!decides || line.kind != StackLine::Kind::module) return "";
        if (action_on(line, PAM_SUCCESS).verb == Verb::done && further > 0)
            return "[success=" + std::to_string(further) + " default=ignore]";
        const bool only_spoils = action_on(line, PAM_AUTH_ERR).verb == Verb::bad;
        const bool ends_all = action_on(line, PAM_SUCCESS).verb == Verb::done;
        return only_spoils || ends_all ? "requisite" : "";
    }
    static Sentence in_one_sentence(const std::vector<Sentence>& changes, const Edit& edit) {
        const auto place = text_of(*edit.after);
        auto sentence =
            edit.adds_permit
                ? tr("add the line %1 after %2; move the line to right behind that; every service "
                     "that takes in that file asks for a code then",
                     {"`auth required pam_permit.so`", place})
                : moved_to(*edit.after);
        for (auto change = changes.rbegin(); change != changes.rend(); ++change)
            sentence = tr("%1; %2", {*change, sentence});
        return sentence;
    }

    const JudgedStack& judged_;
    const Way& way_;
    std::size_t asked_;
    Judge before_;
    std::vector<std::size_t> exempting_;
};

}  // namespace

std::optional<Sentence> change_of_order(const JudgedStack& judged, const Way& way, std::size_t asked) {
    if (judged.stack.size() > longest_tried) return std::nullopt;
    return Search(judged, way, asked).change();
}

}  // namespace totp
