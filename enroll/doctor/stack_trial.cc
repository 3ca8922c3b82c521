#include "enroll/doctor/stack_trial.h"

#include <algorithm>

#include "enroll/doctor/pam_text.h"

namespace totp {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

class Editor {
  public:
    Editor(const JudgedStack& judged, const Edit& edit) : judged_(judged), edit_(edit) {}

    EditedStack edited() {
        const auto& stack = judged_.stack;
        for (std::size_t i = 0; i < stack.size(); ++i) {
            if (goes_here(i, Edit::Side::before)) put(i);
            const bool moves = edit_.move && stack[i].place == stack[edit_.move->line].place;
            if (!moves) take(changed(stack[i]), i);
            if (goes_here(i, Edit::Side::after) || goes_behind_what_is_taken_in(i)) put(i);
        }
        return std::move(edited_);
    }

  private:
    StackLine changed(StackLine line) const {
        const auto found = std::ranges::find(edit_.controls, line.place, &Edit::NewControl::place);
        if (found != edit_.controls.end()) line.control = found->control;
        return line;
    }
    bool goes_here(std::size_t line, Edit::Side side) const {
        return edit_.move && edit_.move->side == side && judged_.stack[line].place == edit_.move->to;
    }
    bool goes_behind_what_is_taken_in(std::size_t line) const {
        if (!edit_.move || edit_.move->side != Edit::Side::after_taken_in) return false;
        const auto& stack = judged_.stack;
        const bool is_last = line + 1 == stack.size() || stack[line + 1].in_service != stack[line].in_service;
        return stack[line].in_service == edit_.move->to && is_last;
    }
    void put(std::size_t beside) {
        auto moved = changed(judged_.stack[edit_.move->line]);
        if (edit_.move->side != Edit::Side::after_taken_in) moved.level = judged_.stack[beside].level;
        if (edit_.move->adds_permit) {
            auto permit = moved;
            permit.module = "pam_permit.so";
            permit.arguments.clear();
            permit.control = parse_control("required");
            take(std::move(permit), nowhere);
        }
        take(std::move(moved), edit_.move->line);
    }
    void take(StackLine line, std::size_t origin) {
        const auto ours = std::ranges::find(judged_.ours, origin, &OurLine::index);
        if (ours != judged_.ours.end()) {
            edited_.ours.push_back(*ours);
            edited_.ours.back().index = edited_.stack.size();
        }
        edited_.stack.push_back(std::move(line));
        edited_.origins.push_back(origin);
    }

    const JudgedStack& judged_;
    const Edit& edit_;
    EditedStack edited_;
};

}  // namespace

Edit::NewControl new_control(const StackLine& line, const std::string& written) {
    return {line.place, parse_control(PamWords(written).next().value_or(""))};
}

Trial::Trial(const JudgedStack& judged, const Edit& edit)
    : places_(judged.places),
      now_(judged.now),
      edited_(Editor(judged, edit).edited()),
      whole_(players(as_meant)) {}

Openings Trial::without_code() const {
    return find_openings(edited_.stack, players({.is_code_given = false, .is_unenrolled = false}), whole_);
}

bool Trial::lets_anybody_in() const { return openness(players(anything)) != Openness::shut; }

std::optional<Way> Trial::way_of_strangers(const OurLine& ours) const {
    if (is_one_field(ours)) return std::nullopt;
    auto way = find_way(edited_.stack, players({.is_first_factor_given = false}), whole_, ours.index);
    return way && !way->condition ? way : std::nullopt;
}

bool Trial::asks_strangers() const {
    return std::ranges::any_of(edited_.ours,
                               [&](const OurLine& ours) { return way_of_strangers(ours).has_value(); });
}

Openness Trial::by_code_alone() const { return openness(players({.is_first_factor_given = false})); }

/// By the line alone that came of `origin`.
Openness Trial::by_proof(std::size_t origin, bool is_code_given) const {
    auto alone = players({.is_code_given = is_code_given, .is_first_factor_given = false});
    for (std::size_t i = 0; i < alone.size(); ++i) {
        if (edited_.origins[i] == origin) alone[i] = whole_[i];
    }
    return openness(alone);
}

bool Trial::keeps(const Trial& before, bool is_code_given) const {
    for (std::size_t i = 0; i < before.edited_.stack.size(); ++i) {
        if (!is_first_factor(before.edited_.stack[i])) continue;
        const auto was = before.by_proof(i, is_code_given);
        if (by_proof(i, is_code_given) < was) return false;
    }
    return true;
}

std::vector<Player> Trial::players(const Assumption& assumption) const {
    return players_of(places_, edited_.stack, Phase::auth, edited_.ours, assumption, now_);
}

Openness Trial::openness(const std::vector<Player>& players) const {
    const auto way = find_way(edited_.stack, players, whole_);
    if (!way) return Openness::shut;
    return way->condition ? Openness::conditional : Openness::open;
}

}  // namespace totp
