// Recovery codes as a person sees them: once.
#pragma once

#include <vector>

#include "core/secret_bytes.h"
#include "core/sentence.h"

namespace totp {

/// Shows the codes below the sentence: on a page of the terminal that is wiped after a key press, where it
/// can be; else as lines on stdout. Throws Interrupted.
void show_recovery_codes(const Sentence& sentence, const std::vector<SecretBytes>& codes);

}  // namespace totp
