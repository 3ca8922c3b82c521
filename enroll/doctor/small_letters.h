// Names that are the same to libpam and to sshd however they are written.
#pragma once

#include <string>
#include <string_view>

namespace totp {

/// ASCII alone.
std::string in_small_letters(std::string_view text);

}  // namespace totp
