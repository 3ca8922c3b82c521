// A file of URIs, one a line: key URIs, and what Google Authenticator's export shows (migration_uri).
#pragma once

#include <string_view>
#include <vector>

#include "core/failure.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {

/// All that the lines say; empty ones and comments (#) are passed over. A URI says nothing of what is spent.
/// Refused with the number of the line, as a clause to follow the file's name; also where there is none.
Result<std::vector<ForeignDevice>> parse_uri_file(std::string_view text);

}  // namespace totp
