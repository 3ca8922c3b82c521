// What whoever has just passed should know.
#pragma once

#include <vector>

#include "core/sentence.h"
#include "core/verifier.h"

namespace totp {

/// Sentences, the gravest first; empty where all is well.
///
/// `before`    the state that was decided on: failed codes since the last login are told from it, and once,
/// for this
///             login is the last one from now on.
/// `decision`  a success; what its `next` has to tell of changes is told too, so the caller takes it out.
std::vector<Sentence> notices_of(const Enrolment& enrolment, const LoginState& before,
                                 const Decision& decision, UnixTime now);

}  // namespace totp
