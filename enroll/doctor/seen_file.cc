#include "enroll/doctor/seen_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

namespace totp {
namespace {

/// As the kernel writes blanks and backslashes there: three octal digits behind a backslash.
std::string unescaped(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::set<std::string> options_in(const std::string& text) {
    std::set<std::string> options;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) options.insert(word);
    return options;
}

std::string content_of(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Mount mount_with_id(std::uint64_t id, const std::string& mountinfo) {
    std::istringstream lines(mountinfo);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(std::to_string(id) + " ")) continue;
        std::istringstream words(line);
        const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (fields.size() < 6 || fields.end() - dash < 4) break;
        auto options = options_in(fields[5]);
        options.merge(options_in(dash[3]));
        return {.point = unescaped(fields[4]),
                .type = dash[1],
                .is_read_only = options.contains("ro"),
                .is_nosuid = options.contains("nosuid"),
                .locks_alone = options.contains("nolock") || options.contains("local_lock=all") ||
                               options.contains("local_lock=flock")};
    }
    return {};
}

SeenFile see_file(const std::string& path, Links links) {
    SeenFile seen{.path = path};
    struct statx status {};
    const int flags = links == Links::followed ? 0 : AT_SYMLINK_NOFOLLOW;
    if (statx(AT_FDCWD, path.c_str(), flags, STATX_BASIC_STATS | STATX_MNT_ID, &status) != 0) return seen;
    seen.is_there = true;
    seen.look = {status.stx_mode, status.stx_nlink, status.stx_uid};
    seen.group = status.stx_gid;
    seen.size = static_cast<off_t>(status.stx_size);
    if ((status.stx_mask & STATX_MNT_ID) != 0)
        seen.mount = mount_with_id(status.stx_mnt_id, content_of("/proc/self/mountinfo"));
    return seen;
}

}  // namespace totp
