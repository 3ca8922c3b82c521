// What is to be done for an account of the list, by what stands in the store and what lies in --out.
//
// Whatever moment a run is killed at, the next one goes on, because of this order:
//
//   1. What the account is handed is put into --out under a name that says it has only begun, durably.
//   2. The account is enrolled, durably, and only if it isn't.
//   3. What it is handed gets its own name.
//
// So whose enrolment came from here has its key and recovery codes in --out, under either name. What has only
// begun and isn't enrolled opens nothing, and is made anew; but where a database may still be at it for a run
// that is over, the second step is taken again with the very same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/credential.h"
#include "core/enrolment.h"

namespace totp {

/// A text in --out for an account.
struct LyingText {
    std::optional<KeyUri> key;                  ///< nothing where it can't be read
    std::vector<SecretBytes> recovery_codes{};  ///< as many as it has
};

/// What lies in --out for an account.
struct LyingThere {
    std::optional<LyingText> begun;
    std::optional<LyingText> handed;      ///< under its own name
    bool has_picture_of_its_own = false;  ///< under its own name, which comes to it before the text's
    bool has_picture_begun = false;

    /// The picture is begun once the text is durable.
    bool begun_is_whole() const { return begun && begun->key && has_picture_begun; }
};

enum class NextStep {
    enrol,
    finish,             ///< enrolled with what has begun: it gets its own name
    leave,              ///< done before
    refuse_enrolled,    ///< enrolled with another key than what has begun, which is of no use
    refuse_other_key,   ///< enrolled with another key than it was handed
    refuse_unenrolled,  ///< was handed a key, and is not enrolled (any more)
    refuse_picture,     ///< a picture lies there, and nothing says of which key
};

NextStep next_step(const LyingThere& there, const std::optional<Enrolment>& enrolment);

}  // namespace totp
