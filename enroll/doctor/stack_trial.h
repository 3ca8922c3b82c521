// An auth stack as it would be after a change to its files, and whom that would let in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "enroll/doctor/stack_players.h"

namespace totp {

/// The auth stack of a service, with what its lines are known to do.
struct JudgedStack {
    const PamPlaces& places;
    const Stack& stack;
    const std::vector<OurLine>& ours;  ///< all lines of ours in it
    UnixTime now;
};

/// What is done to the files: a line that is taken in twice is changed twice.
struct Edit {
    struct NewControl {
        FileLine place;
        Control control;
    };
    enum class Side {
        before,
        after,
        after_taken_in,  ///< the line takes in a file: after all that stands there
    };
    struct Move {
        std::size_t line;  ///< an index into the stack
        FileLine to;
        Side side = Side::after;
        bool adds_permit = false;  ///< pam_permit before it, for who isn't enrolled
    };
    std::vector<NewControl> controls;
    std::optional<Move> move;
};

/// `written` as it stands in the file, with its brackets.
Edit::NewControl new_control(const StackLine& line, const std::string& written);

/// Longer stacks can't: it takes too long, and nobody has one.
inline bool can_be_tried(const Stack& stack) { return stack.size() <= 200; }

/// A stack with whatever becomes of its lines by a change.
struct EditedStack {
    Stack stack;
    std::vector<OurLine> ours;
    std::vector<std::size_t> origins;  ///< which line of the stack each was made of; SIZE_MAX for a new one
};

/// How far a stack lets somebody in: not, where a condition has it so, or always.
enum class Openness { shut, conditional, open };

/// Who gets in by a stack that was changed, or by one as it is.
class Trial {
  public:
    explicit Trial(const JudgedStack& judged, const Edit& edit = {});

    JudgedStack judged() const { return {places_, edited_.stack, edited_.ours, now_}; }

    /// Who gets in without a code, be it that a condition has it so; not who isn't enrolled.
    Openings without_code() const;

    bool lets_anybody_in() const;

    /// How somebody whose password was wrong is asked for a code by a line of ours; nothing where they
    /// aren't, or a condition has it so.
    std::optional<Way> way_of_strangers(const OurLine& ours) const;
    bool asks_strangers() const;

    /// Who gets in by a code alone.
    Openness by_code_alone() const;

    /// Whether whoever got in by one proof, with a code or without, `before` the change still does.
    bool keeps(const Trial& before, bool is_code_given) const;

    /// The line of the stack that was changed of which `line` was made.
    std::size_t origin_of(std::size_t line) const { return edited_.origins[line]; }

  private:
    std::vector<Player> players(const Assumption& assumption) const;
    Openness openness(const std::vector<Player>& players) const;
    Openness by_proof(std::size_t origin, bool is_code_given) const;

    const PamPlaces& places_;
    UnixTime now_;
    EditedStack edited_;
    std::vector<Player> whole_;
};

}  // namespace totp
