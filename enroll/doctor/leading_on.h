// Where lines that check the password end their stack, and with it the way to ours: they lead on instead, to
// ours right behind the last line of their file.
#pragma once

#include <vector>

#include "enroll/doctor/stack_trial.h"

namespace totp {

struct LeadingOn {
    std::vector<Sentence> words;  ///< one for each line that is to be written anew
    Edit edit;                    ///< that, and the move of ours

    const FileLine& last() const { return edit.move->to; }
    Sentence and_then(Sentence move) const;  ///< all of them, and at their end what is said of ours
};

/// `first`  the line that checks the password first, as an index into the stack.
/// `ours`   the line of ours that is to stand behind the last one, likewise.
LeadingOn leading_on(const Stack& stack, std::size_t first, std::size_t ours);

/// Whether two lines stand in one file, that was taken in once, and in one substack.
bool are_of_one_stack(const StackLine& one, const StackLine& other);

}  // namespace totp
