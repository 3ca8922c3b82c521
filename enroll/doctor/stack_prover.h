// Whether a PAM stack can come out as success, given what each of its lines may answer: by trying every
// sequence of answers, as states of libpam's own bookkeeping. Pure; knows no module by name.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <vector>

#include "enroll/doctor/pam_stack.h"

namespace totp {

/// What libpam thinks so far.
enum class Impression { undecided, positive, negative };
struct Judgement {
    Impression impression = Impression::undecided;
    bool is_success = false;  ///< what it would answer is PAM_SUCCESS

    // NOLINTNEXTLINE(modernize-use-nullptr): what the compiler writes for it
    friend auto operator<=>(const Judgement&, const Judgement&) = default;
};

/// Where libpam stands in a stack: before the line `next`, or at the end.
struct WalkState {
    std::size_t next = 0;
    int previous_level = 0;
    Judgement now;
    std::vector<Judgement> at_entry{1};  ///< by level: what it thought when it came into that substack

    // NOLINTNEXTLINE(modernize-use-nullptr): likewise
    friend auto operator<=>(const WalkState&, const WalkState&) = default;
};

/// The state at the first line that answers.
WalkState begin_walk(std::span<const StackLine> stack);

/// The state after the line `state.next` answered `code`, at the next line that answers.
WalkState walk_on(std::span<const StackLine> stack, WalkState state, int code);

/// Whether libpam answers PAM_SUCCESS if the stack ends like this.
bool is_success(const WalkState& end);

/// Of `codes`, one for each thing that can come of it on this line. PAM_SUCCESS and PAM_IGNORE stand for
/// themselves.
std::vector<int> distinct_codes(const StackLine& line, const Codes& codes);

/// What a line may answer, and what that depends on.
struct Player {
    Codes answers;
    /// It tells who comes, or from where, by a rule of the administrator's (as pam_succeed_if): what it
    /// answers isn't for whoever wants in to choose.
    bool is_condition = false;
};

struct Step {
    std::size_t line;
    int code;
};

/// A way through a stack.
struct Way {
    std::vector<Step> steps;  ///< as few as can be
    /// The condition that opens it; nothing where it is open whatever the conditions say.
    std::optional<std::size_t> condition;
};

/// A way to success; nothing is the proof that there is none.
///
/// `players`  one for each line.
/// `whole`    the same without the restrictions that the question puts on them: a condition that shuts out
///            everybody, also those who ought to get in, opens nothing by it.
/// `target`   in place of success: that this line is run.
std::optional<Way> find_way(std::span<const StackLine> stack, std::span<const Player> players,
                            std::span<const Player> whole, std::optional<std::size_t> target = std::nullopt);

/// All ways to success, as conditions are shut one after the other that open one.
struct Openings {
    std::vector<Way> conditional;
    std::optional<Way> open;  ///< whatever the conditions say
};
Openings find_openings(std::span<const StackLine> stack, std::span<const Player> players,
                       std::span<const Player> whole);

}  // namespace totp
