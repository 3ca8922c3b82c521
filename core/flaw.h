// Why a file of the store, a directory of it or a key doesn't count, by what it looks like from outside:
// pure. Decides for who opens it (core/record_file, core/seal) and for who looks after it (totp-enroll
// check).
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "core/sentence.h"
#include "core/store.h"

namespace totp {

/// Of struct stat what matters.
struct FileLook {
    mode_t mode = 0;
    nlink_t links = 1;
    uid_t owner = 0;
};

struct Flaw {
    Sentence what;        ///< what is so: a clause, to follow the path
    std::string command;  ///< root types it and the path, and it is mended; empty where it has to be removed
};

/// "PATH WHAT: run COMMAND on it".
Sentence sentence_about(const Sentence& path, const Flaw& flaw);

/// Of a record: anything but a regular file with one name, owned by its user or root and closed to all
/// others.
std::optional<Flaw> flaw_of_record(const FileLook& look, const Account& account);

/// Of a directory: one that isn't root's (or `owner`'s), that others may even search, or whose group may take
/// records away that aren't its own.
std::optional<Flaw> flaw_of_directory(const FileLook& look, uid_t owner);

/// Of a host key: anything but a regular file, root's (or `owner`'s), that its group at most may read.
std::optional<Flaw> flaw_of_key(const FileLook& look, uid_t owner);

}  // namespace totp
