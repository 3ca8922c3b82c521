#include "enroll/doctor/stack_prover.h"

#include <algorithm>
#include <map>

#include <security/pam_appl.h>

namespace totp {
namespace {

using Lines = std::span<const StackLine>;
constexpr Judgement failed{Impression::negative, false};

bool is_answering(const StackLine& line) { return line.kind != StackLine::Kind::substack; }

/// Goes to the next line that answers, and remembers what was thought where a substack begins.
void arrive(Lines stack, WalkState& state) {
    for (; state.next < stack.size(); ++state.next) {
        const int level = stack[state.next].level;
        if (state.previous_level < level) {
            state.at_entry.resize(static_cast<std::size_t>(level) + 1);
            state.at_entry.back() = state.now;
        }
        if (is_answering(stack[state.next])) return;
        state.previous_level = level;
    }
    state.at_entry.clear();  // at the end all that counts is what is thought now
    state.previous_level = 0;
}

/// The line after the rest of the stack that `line` stands in.
std::size_t after_rest(Lines stack, std::size_t line) {
    const int level = stack[line].level;
    std::size_t next = line + 1;
    while (next < stack.size() && stack[next].level >= level) ++next;
    return next;
}

/// The line a jump leads to; nothing where there are too few to pass over. A substack is one line.
std::optional<std::size_t> after_jump(Lines stack, std::size_t line, int lines) {
    const int level = stack[line].level;
    std::size_t next = line + 1;
    for (; lines > 0; --lines) {
        if (next >= stack.size() || stack[next].level < level) return std::nullopt;
        for (++next; next < stack.size() && stack[next].level > level; ++next) continue;
    }
    return next;
}

void think_well(WalkState& state, int code) {
    const bool counts = state.now.impression == Impression::undecided ||
                        (state.now.impression == Impression::positive && state.now.is_success);
    if (counts) state.now = {Impression::positive, code == PAM_SUCCESS};
}

/// What each verb does; the line after it is the next one unless it says another.
void act(Lines stack, WalkState& state, const Action& action, int code) {
    const auto line = state.next++;
    const auto level = static_cast<std::size_t>(stack[line].level);
    switch (action.verb) {
        case Verb::ignore: return;
        case Verb::reset: state.now = state.at_entry[level]; return;
        case Verb::ok: think_well(state, code); return;
        case Verb::done:
            think_well(state, code);
            if (state.now.impression == Impression::positive) state.next = after_rest(stack, line);
            return;
        case Verb::bad: state.now = failed; return;
        case Verb::die:
            state.now = failed;
            state.next = after_rest(stack, line);
            return;
        case Verb::jump: {
            const auto target = after_jump(stack, line, action.lines);
            if (!target) state.now = failed;
            // A jump too far comes to the end of its stack all the same.
            state.next = target.value_or(after_rest(stack, line));
            return;
        }
    }
}

constexpr int never = -1;

/// What can come of each state. A stack is walked forwards only, so every state is looked at once.
class Search {
  public:
    Search(Lines stack, std::span<const Player> players, std::span<const Player> whole,
           std::optional<std::size_t> target)
        : stack_(stack), players_(players), whole_(whole), target_(target) {}

    /// A way that is open whatever the conditions say, or else one that a condition opens.
    std::optional<Way> way() {
        const auto start = begin_walk(stack_);
        if (open_for_all(start) != never) return way_from(start, &Search::open_for_all);
        if (reachable(start) == never) return std::nullopt;
        auto way = way_from(start, &Search::reachable);
        way.condition = condition_of(way);
        return way;
    }

  private:
    using Distance = int (Search::*)(const WalkState&);

    bool is_goal(const WalkState& state) const {
        if (target_) return state.next == *target_;
        return state.next >= stack_.size() && is_success(state);
    }
    bool is_over(const WalkState& state) const { return is_goal(state) || state.next >= stack_.size(); }
    std::vector<int> codes(const WalkState& state, std::span<const Player> players) const {
        return distinct_codes(stack_[state.next], players[state.next].answers);
    }
    WalkState after(const WalkState& state, int code) const { return walk_on(stack_, state, code); }

    /// Steps to the goal if every answer can be had; `never` where it can't be reached.
    int reachable(const WalkState& state) {
        if (is_over(state)) return is_goal(state) ? 0 : never;
        if (const auto known = reachable_.find(state); known != reachable_.end()) return known->second;
        int least = never;
        for (const int code : codes(state, players_)) {
            const int steps = reachable(after(state, code));
            if (steps != never && (least == never || steps + 1 < least)) least = steps + 1;
        }
        return reachable_[state] = least;
    }
    /// Whether anybody at all can get in from here.
    bool is_live(const WalkState& state) {
        if (state.next >= stack_.size()) return is_success(state);
        if (const auto known = live_.find(state); known != live_.end()) return known->second;
        const bool any =
            std::ranges::any_of(codes(state, whole_), [&](int code) { return is_live(after(state, code)); });
        return live_[state] = any;
    }
    /// As reachable(), but of a condition's answers every one that lets anybody in must lead there.
    int open_for_all(const WalkState& state) {
        if (is_over(state)) return is_goal(state) ? 0 : never;
        if (const auto known = open_.find(state); known != open_.end()) return known->second;
        const bool is_condition = players_[state.next].is_condition;
        int steps = never;
        for (const int code : codes(state, players_)) {
            const auto then = after(state, code);
            if (is_condition && !is_live(then)) continue;
            const int further = open_for_all(then);
            if (further == never && is_condition) return open_[state] = never;
            if (further == never) continue;
            const bool is_better =
                steps == never || (is_condition ? further + 1 > steps : further + 1 < steps);
            if (is_better) steps = further + 1;
        }
        return open_[state] = steps;
    }

    Way way_from(WalkState state, Distance distance) {
        Way way;
        for (int left = (this->*distance)(state); left > 0; --left) {
            for (const int code : codes(state, players_)) {
                auto then = after(state, code);
                if ((this->*distance)(then) != left - 1) continue;
                way.steps.push_back({state.next, code});
                state = std::move(then);
                break;
            }
        }
        return way;
    }
    /// The last condition on the way behind which it is open whatever the others say; the last of all where
    /// there is no such.
    std::size_t condition_of(const Way& way) {
        std::size_t last = way.steps.front().line;
        auto state = begin_walk(stack_);
        for (const auto& [line, code] : way.steps) {
            const bool was_open = open_for_all(state) != never;
            state = after(state, code);
            if (!players_[line].is_condition) continue;
            last = line;
            if (!was_open && open_for_all(state) != never) return line;
        }
        return last;
    }

    Lines stack_;
    std::span<const Player> players_;
    std::span<const Player> whole_;
    std::optional<std::size_t> target_;
    std::map<WalkState, int> reachable_;
    std::map<WalkState, int> open_;
    std::map<WalkState, bool> live_;
};

/// Takes out of what the condition on `way` may answer whatever comes to the same as its answer there.
void shut_condition(Lines stack, const Way& way, std::span<Player> players) {
    const auto& control = stack[*way.condition].control;
    const auto step = std::ranges::find(way.steps, *way.condition, &Step::line);
    for (int code = 0; code < code_count; ++code) {
        const auto index = static_cast<std::size_t>(code);
        if (code == step->code || control[index] == control[static_cast<std::size_t>(step->code)])
            players[*way.condition].answers.reset(index);
    }
}

}  // namespace

WalkState begin_walk(Lines stack) {
    WalkState state;
    arrive(stack, state);
    return state;
}

WalkState walk_on(Lines stack, WalkState state, int code) {
    const auto& line = stack[state.next];
    const int level = line.level;
    // Levels that were left don't count any more: states that differ in them alone are one.
    state.at_entry.resize(static_cast<std::size_t>(level) + 1);
    if (code == PAM_INCOMPLETE) {
        state.now = failed;
        state.next = stack.size();
    } else {
        act(stack, state, line.action_on(code), code);
    }
    state.previous_level = level;
    arrive(stack, state);
    return state;
}

bool is_success(const WalkState& end) { return end.now == Judgement{Impression::positive, true}; }

std::vector<int> distinct_codes(const StackLine& line, const Codes& codes) {
    std::vector<int> distinct;
    const auto is_new = [&](int code) {
        const auto& action = line.action_on(code);
        return std::ranges::none_of(distinct, [&](int other) {
            return other != PAM_SUCCESS && other != PAM_IGNORE && line.action_on(other) == action;
        });
    };
    const auto take = [&](int code) {
        if (codes[static_cast<std::size_t>(code)]) distinct.push_back(code);
    };
    take(PAM_SUCCESS);
    take(PAM_IGNORE);
    if (is_new(PAM_AUTH_ERR)) take(PAM_AUTH_ERR);  // before others of its kind: what people know
    for (int code = 0; code < code_count; ++code) {
        const bool stands_for_itself = code == PAM_SUCCESS || code == PAM_IGNORE || code == PAM_INCOMPLETE;
        if (!stands_for_itself && is_new(code)) take(code);
    }
    return distinct;
}

std::optional<Way> find_way(Lines stack, std::span<const Player> players, std::span<const Player> whole,
                            std::optional<std::size_t> target) {
    return Search(stack, players, whole, target).way();
}

Openings find_openings(Lines stack, std::span<const Player> players, std::span<const Player> whole) {
    Openings openings;
    std::vector<Player> still_open(players.begin(), players.end());
    for (std::size_t left = stack.size(); left > 0; --left) {
        auto way = find_way(stack, still_open, whole);
        if (!way) break;
        if (!way->condition) {
            openings.open = *std::move(way);
            break;
        }
        shut_condition(stack, *way, still_open);
        openings.conditional.push_back(*std::move(way));
    }
    return openings;
}

}  // namespace totp
