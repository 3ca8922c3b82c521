// What totp-enroll says and hears, at a terminal or in a script.
#pragma once

#include <optional>
#include <string>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// One sentence to stderr, after the program's name.
void complain(const std::string& sentence);

/// The same for a failure of the world; returns the exit code that goes with it.
int complain(const Failure& failure);

/// Asks on stderr if stdin is a terminal (stdout may be read by a script) and reads one line without its end.
/// Nothing at the end of input.
std::optional<SecretBytes> ask_line(const std::string& question);

/// Whether somebody sits at stdin and can be asked.
bool can_ask();

/// The moment as people and scripts read it: RFC 3339, in UTC.
std::string rfc3339(std::int64_t unix_time);

/// Secret text for a person, groups of four with a blank between.
SecretBytes in_groups_of_four(const SecretBytes& text);

}  // namespace totp
