// Arguments that people bring from other modules for one-time codes and that mean nothing here: what to use
// instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace totp {

/// As the end of "the argument NAME …": whose it is, and what to use instead. Nothing for an argument that is
/// nobody's we know.
std::optional<std::string> advice_for_foreign_option(std::string_view name);

}  // namespace totp
