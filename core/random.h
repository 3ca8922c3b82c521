// The one source of randomness: the kernel's.
#pragma once

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// `count` bytes fit for keys, at most 256. Fails only where the kernel has none to give.
Result<SecretBytes> random_bytes(std::size_t count);

}  // namespace totp
