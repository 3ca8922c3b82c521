// The addresses of a host, found in time: libpq would wait for a dead name server as long as libc does.
#pragma once

#include <string>
#include <vector>

#include "core/failure.h"
#include "pam_module/fleet/deadline.h"

namespace totp {

/// As text, in the order of getaddrinfo(3); at least one. Once it failed by the deadline a thread of libc's
/// may still be asking: the process is to end soon.
Result<std::vector<std::string>> addresses_of(const std::string& host, const Deadline& deadline);

}  // namespace totp
