// Everything that is sealed, under a new host key: interrupted at whatever moment, nothing is lost and
// everybody logs in.
//
//   1. The new key is written beside the host's (next_key() in core/seal). From now on there are two, and who
//      reads a record takes the one it is under.
//   2. Each record is sealed anew and put in its place by rename. Meanwhile others change theirs, still under
//      the host key.
//   3. Nobody else changing any, all are looked at once more, and sealed anew where need be; then the new key
//      takes the place of the host's by rename.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/file_store.h"
#include "core/seal.h"

namespace totp {

/// What came of it.
struct Rekeyed {
    std::string key_id;
    std::size_t enrolments = 0;   ///< under the new key
    std::size_t sealed_anew = 0;  ///< of these, by this call
    std::vector<Sentence> left;   ///< what is wrong with each of the others, as a sentence

    /// Whether the new key is the host's now. Else both stay: without the old one whatever is left could
    /// never be opened again.
    bool is_done() const { return left.empty(); }
};

/// `given` is the new key; without it one is made. A next key that an earlier call has left is gone on with:
/// refused where another is given.
Result<Rekeyed> rekey(const FileStorePlaces& places, const std::optional<HostKey>& given);

}  // namespace totp
