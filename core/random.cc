#include "core/random.h"

#include <unistd.h>
#include <cerrno>

namespace totp {

Result<SecretBytes> random_bytes(std::size_t count) {
    SecretBytes bytes(count);
    if (getentropy(bytes.data(), count) != 0) {
        return Failure{Trouble::system,
                       tr("the kernel gave no random bytes: %1", {Sentence::of_error(errno)})};
    }
    return bytes;
}

}  // namespace totp
