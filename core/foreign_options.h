// Arguments that people bring from other modules for one-time codes and that mean nothing here: what to use
// instead.
#pragma once

#include <optional>
#include <string_view>

#include "core/sentence.h"

namespace totp {

/// Whose it is, and what to use instead. Nothing for an argument that is nobody's we know.
std::optional<Sentence> advice_for_foreign_option(std::string_view name);

}  // namespace totp
