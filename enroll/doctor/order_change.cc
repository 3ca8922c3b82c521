#include "enroll/doctor/order_change.h"

#include <algorithm>

#include "enroll/doctor/leading_on.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

class Search {
  public:
    Search(const JudgedStack& judged, const Way& way, std::size_t asked)
        : judged_(judged),
          way_(way),
          asked_(asked),
          before_(judged),
          exempting_(exempting_lines(before_, before_.without_code())) {}

    std::optional<Sentence> change() const {
        if (auto found = stricter_control()) return found;
        if (auto found = move_in_its_file()) return found;
        if (!line().stands_in_service()) return std::nullopt;  // others need it where it stands
        if (auto found = move_to_the_password()) return found;
        return jumps_and_move();
    }

  private:
    const Stack& stack() const { return judged_.stack; }
    const StackLine& line() const { return stack()[asked_]; }

    bool holds(const Edit& edit) const {
        const Trial after(judged_, edit);
        return !after.asks_strangers() && after.lets_anybody_in() && exempts_no_others(after) &&
               after.by_code_alone() <= before_.by_code_alone() && after.keeps(before_, true) &&
               after.keeps(before_, false);
    }
    bool exempts_no_others(const Trial& after) const {
        const auto openings = after.without_code();
        return !openings.open && std::ranges::all_of(exempting_lines(after, openings), [&](std::size_t line) {
            return std::ranges::count(exempting_, line) > 0;
        });
    }
    /// Whose answers exempt somebody from the code, as they stood before.
    static std::vector<std::size_t> exempting_lines(const Trial& trial, const Openings& openings) {
        std::vector<std::size_t> lines;
        lines.reserve(openings.conditional.size());
        for (const auto& way : openings.conditional) lines.push_back(trial.origin_of(*way.condition));
        return lines;
    }
    Edit::Move move_behind(const FileLine& place) const { return {.line = asked_, .to = place}; }

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

    std::optional<Sentence> stricter_control() const {
        for (const auto index : passed_over()) {
            const auto& password = stack()[index];
            if (password.level != line().level || !holds({.controls = {new_control(password, "requisite")}}))
                continue;
            return written_at(password, "requisite");
        }
        return std::nullopt;
    }
    std::optional<Sentence> move_in_its_file() const {
        const bool is_of_service = line().stands_in_service();
        std::vector<FileLine> tried;
        for (const auto index : after_first_factor()) {
            const auto& place = is_of_service ? stack()[index].in_service : stack()[index].place;
            if (place.file != line().place.file || std::ranges::count(tried, place) > 0) continue;
            tried.push_back(place);
            auto move = move_behind(place);
            if (is_of_service) move.side = Edit::Side::after_taken_in;
            if (auto found = move_or_stricter(move)) return found;
        }
        return std::nullopt;
    }
    /// Alone, or with a password line that ends the stack where the password was wrong.
    std::optional<Sentence> move_or_stricter(const Edit::Move& move) const {
        const auto words = tr("move the line to right after %1", {text_of(move.to)});
        if (holds({.move = move})) return words;
        for (const auto& password : stack()) {
            if (!is_first_factor(password)) continue;
            if (holds({.controls = {new_control(password, "requisite")}, .move = move}))
                return tr("%1; %2", {written_at(password, "requisite"), words});
        }
        return std::nullopt;
    }
    std::optional<Sentence> move_to_the_password() const {
        const auto lines = after_first_factor();
        for (auto index = lines.rbegin(); index != lines.rend(); ++index) {
            const auto& target = stack()[*index];
            if (target.kind == StackLine::Kind::substack || target.stands_in_service()) continue;
            if (holds({.move = move_behind(target.place)})) return moved_to(target.place);
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
            if (!is_first_factor(stack()[i]) || stack()[i].stands_in_service()) continue;
            return jumps_and_move_in(i);
        }
        return std::nullopt;
    }
    std::optional<Sentence> jumps_and_move_in(std::size_t first) const {
        auto leading = leading_on(stack(), first, asked_);
        for (const bool adds_permit : {false, true}) {
            leading.edit.move->adds_permit = adds_permit;
            if (holds(leading.edit)) return in_one_sentence(leading);
        }
        return std::nullopt;
    }
    static Sentence in_one_sentence(const LeadingOn& leading) {
        auto sentence =
            leading.edit.move->adds_permit
                ? tr("add the line %1 after %2; move the line to right behind that; every service "
                     "that takes in that file asks for a code then",
                     {"`auth required pam_permit.so`", text_of(leading.last())})
                : moved_to(leading.last());
        return leading.and_then(std::move(sentence));
    }

    const JudgedStack& judged_;
    const Way& way_;
    std::size_t asked_;
    Trial before_;
    std::vector<std::size_t> exempting_;
};

}  // namespace

std::optional<Sentence> change_of_order(const JudgedStack& judged, const Way& way, std::size_t asked) {
    if (!can_be_tried(judged.stack)) return std::nullopt;
    return Search(judged, way, asked).change();
}

}  // namespace totp
