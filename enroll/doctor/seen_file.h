// What a file looks like, and the file system that it lies on. Judges neither.
#pragma once

#include <string>

#include <sys/types.h>

#include "core/flaw.h"

namespace totp {

/// A line of /proc/self/mountinfo (proc(5)).
struct Mount {
    std::string point;
    std::string type;  ///< "ext4"; empty where it couldn't be told
    bool is_read_only = false;
    bool is_nosuid = false;
    bool locks_alone = false;  ///< of a network file system: other hosts don't see the locks of this one
};

/// The mount with this id; `mountinfo` is the text of that file.
Mount mount_with_id(std::uint64_t id, const std::string& mountinfo);

struct SeenFile {
    std::string path;
    bool is_there = false;
    FileLook look;
    gid_t group = 0;
    off_t size = 0;
    Mount mount;
};

enum class Links { followed, not_followed };
SeenFile see_file(const std::string& path, Links links = Links::not_followed);

}  // namespace totp
