// The store, the login states and the key as they lie on disk: what is seen from outside, without opening
// what is sealed. Judges nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/file_store.h"
#include "core/policy.h"
#include "enroll/doctor/seen_file.h"

namespace totp {

struct Room {
    std::uint64_t bytes = 0;             ///< for who isn't root
    std::optional<std::uint64_t> files;  ///< nothing where the file system makes them as it needs them
};

struct SeenRecord {
    std::string path;
    std::string user;
    mode_t mode = 0;
    std::optional<Flaw> flaw;
    bool has_hole = false;   ///< a block of it isn't written yet: to write it takes room
    bool is_copied = false;  ///< its file system writes it anew instead of in place
};

struct SeenDirectory {
    SeenFile file;
    Room room;
    bool copies_on_write = false;      ///< the file system does, unless told not to
    bool makes_files_in_place = true;  ///< new files in it are told not to (chattr +C), or needn't be
    std::string security_label;        ///< SELinux' context; empty where there is none
    std::vector<SeenRecord> records;   ///< those that something is to be said about; their total is apart
    std::size_t record_count = 0;
    std::vector<std::string> strange;  ///< paths of what can't be a record
};

struct StoreFacts {
    SeenDirectory store;
    SeenDirectory enrolled;
    SeenDirectory state;
    SeenDirectory pending;
    SeenFile key;
    SeenFile next_key;
    bool has_nobody = false;  ///< the records that stand for who isn't enrolled
    uid_t owner = 0;
    std::optional<gid_t> group;
    MissingState missing_state = MissingState::refuse;
    bool selinux_enforces = false;
    std::vector<std::string> confined_programs;  ///< programs that log people in, confined by AppArmor
};

/// `uid_of`  the uid of an account of that name; nothing where there is none.
StoreFacts look_at_store(const FileStorePlaces& places, MissingState missing_state, UnixTime now,
                         const std::function<std::optional<uid_t>(const std::string&)>& uid_of);

}  // namespace totp
