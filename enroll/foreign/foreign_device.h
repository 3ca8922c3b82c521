// A device as another program's files have it, in our terms: what each reader of them gives.
#pragma once

#include <vector>

#include "core/credential.h"
#include "core/login_state.h"
#include "core/sentence.h"

namespace totp {

struct ForeignDevice {
    Credential credential;
    Counter next = 0;        ///< see DeviceState; 0 where the program keeps no record of what was used
    int drift = 0;           ///< see DeviceState
    UnixTime last_used = 0;  ///< see DeviceState
    std::vector<SecretBytes> recovery_digits;  ///< codes of eight digits that weren't used, all different
    std::vector<Sentence> stricter;            ///< what the program allowed and we don't, each a clause
    std::vector<Sentence> not_taken;           ///< what has no place in an enrolment, and what counts instead
    std::vector<Sentence> notes;               ///< what else root should know
};

/// The login state to go on with.
inline DeviceState state_of(const ForeignDevice& foreign) {
    return {.id = device_id(foreign.credential),
            .next = foreign.next,
            .drift = foreign.drift,
            .last_used = foreign.last_used};
}

/// Highest counter or time step that a file may name: as far as key URIs go.
inline constexpr Counter highest_foreign_counter = 999'999'999'999'999;

/// What to note of a secret that is shorter than a new one may be; the app has it, so it is taken as it is.
void note_short_secret(ForeignDevice& foreign);

}  // namespace totp
