// Files of other programs, read so that no user can make root read another file, or wait.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "core/failure.h"
#include "core/secret_bytes.h"
#include "core/store.h"

namespace totp {

/// A file that was read whole.
struct ForeignFile {
    SecretBytes text;
    uid_t owner = 0;
};

/// The file at `path`, as root. Refused: a link, anything but a regular file, one that others than its owner
/// may read or write, and one of more than `limit` bytes.
Result<ForeignFile> read_foreign_file(const std::string& path, std::size_t limit);

/// An account with what is needed to become it.
struct HomeOwner {
    Account account;
    gid_t group = 0;
    std::string home;
};

/// The file `name` in the user's home, read by a process that has the user's identity and no other: a home
/// may be on a server that knows no root, and what the user may not read is nobody's to read here. Refused as
/// above, and where it isn't the user's own; nothing where there is no such file or no home. Given up after
/// ten seconds, whatever the user does to that process.
Result<std::optional<ForeignFile>> read_in_home(const HomeOwner& owner, const std::string& name,
                                                std::size_t limit);

}  // namespace totp
