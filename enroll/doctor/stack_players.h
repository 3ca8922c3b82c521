// What each line of a service's stack may answer, under one assumption or another.
#pragma once

#include <vector>

#include "core/otp.h"
#include "core/policy.h"
#include "enroll/doctor/pam_stack.h"
#include "enroll/doctor/stack_prover.h"

namespace totp {

/// A line of ours, with what its arguments and the settings files make of it.
struct OurLine {
    std::size_t index;
    Settings settings;
    bool is_usable = true;  ///< it can let somebody in at all
};

/// Whether it takes the code from behind the password, and is asked nothing itself.
bool is_one_field(const OurLine& ours);

struct Assumption {
    bool is_code_given = true;          ///< ours may succeed
    bool is_unenrolled = true;          ///< ours may ignore, where its settings say so
    bool is_first_factor_given = true;  ///< modules that prove who comes may succeed
    bool is_ours_mended = false;        ///< ours may succeed also where it can't as it stands
};

/// Everything that may happen.
inline constexpr Assumption anything{};

/// The same once what keeps ours from letting anybody in is mended: who ought to get in.
inline constexpr Assumption as_meant{.is_ours_mended = true};

/// One for each line. `ours` are the lines of ours in the stack, all of them; `now` decides whether enrolling
/// is still possible.
std::vector<Player> players_of(const PamPlaces& places, const Stack& stack, Phase phase,
                               const std::vector<OurLine>& ours, const Assumption& assumption, UnixTime now);

/// Whether it is a module, other than ours, whose success says that somebody has shown who they are.
bool is_first_factor(const StackLine& line);

}  // namespace totp
