#include "enroll/doctor/store_facts.h"

#include <algorithm>
#include <array>
#include <fstream>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/record_file.h"
#include "core/seal.h"
#include "enroll/doctor/program_facts.h"

namespace totp {
namespace {

constexpr auto zfs_magic = 0x2fc12fc1;
constexpr auto bcachefs_magic = 0xca451a4e;
constexpr UnixTime seconds_a_file_may_be_unfinished = 3'600;

Descriptor open_to_look(const std::string& path, int flags = 0) {
    return Descriptor(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
}

bool copies_on_write(const Descriptor& file) {
    struct statfs status {};
    if (fstatfs(file.number(), &status) != 0) return false;
    const auto type = static_cast<std::uint32_t>(status.f_type);
    return type == BTRFS_SUPER_MAGIC || type == zfs_magic || type == bcachefs_magic;
}

bool is_told_not_to_copy(const Descriptor& file) {
    int flags = 0;
    return ioctl(file.number(), FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) != 0;
}

/// Also where blocks are reserved, but not written.
bool has_hole(const Descriptor& file, off_t size) {
    const auto hole = lseek(file.number(), 0, SEEK_HOLE);
    return hole >= 0 && hole < size;
}

Room room_on(const Descriptor& directory) {
    struct statvfs status {};
    if (fstatvfs(directory.number(), &status) != 0) return {UINT64_MAX, std::nullopt};
    return {status.f_bavail * status.f_frsize,
            status.f_files == 0 ? std::nullopt : std::optional<std::uint64_t>(status.f_favail)};
}

std::string security_label(const Descriptor& file) {
    std::array<char, 256> label{};
    const auto size = fgetxattr(file.number(), "security.selinux", label.data(), label.size() - 1);
    return size > 0 ? std::string(label.data()) : "";
}

/// Names that a program that enrols gives a file before it is whole are strange once they are old.
bool is_strange(const std::string& name, const struct stat& status, UnixTime now) {
    if (name == nobodys_record) return false;
    if (name.starts_with(".new-")) return status.st_mtime < now - seconds_a_file_may_be_unfinished;
    return name.starts_with('.') || !user_of(name);
}

class DirectoryLook {
  public:
    DirectoryLook(const std::string& path, UnixTime now)
        : now_(now), seen_{.file = see_file(path)}, descriptor_(open_to_look(path, O_DIRECTORY)) {
        if (!descriptor_) return;
        seen_.room = room_on(descriptor_);
        seen_.copies_on_write = copies_on_write(descriptor_);
        seen_.makes_files_in_place = !seen_.copies_on_write || is_told_not_to_copy(descriptor_);
        seen_.security_label = security_label(descriptor_);
    }

    /// Each name in it; `are_states`: of login states, which are written in place.
    void look_at_records(bool are_states,
                         const std::function<std::optional<uid_t>(const std::string&)>& uid_of) {
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(seen_.file.path.c_str()), closedir);
        if (listing == nullptr) return;
        while (const dirent* entry = readdir(listing.get())) {
            const std::string name = entry->d_name;
            if (name != "." && name != "..") look_at(name, are_states, uid_of);
        }
    }

    SeenDirectory result() && { return std::move(seen_); }

  private:
    void look_at(const std::string& name, bool is_state,
                 const std::function<std::optional<uid_t>(const std::string&)>& uid_of) {
        struct stat status {};
        if (fstatat(descriptor_.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
        auto path = seen_.file.path + "/" + name;
        if (is_strange(name, status, now_)) return seen_.strange.push_back(std::move(path));
        const auto user = user_of(name);
        if (!user) return;
        ++seen_.record_count;
        SeenRecord record{.path = std::move(path), .user = *user, .mode = status.st_mode};
        const Account account{*user, uid_of(*user).value_or(status.st_uid)};
        record.flaw = flaw_of_record({status.st_mode, status.st_nlink, status.st_uid}, account);
        if (is_state && S_ISREG(status.st_mode)) look_into(record, status.st_size);
        if (record.flaw || record.has_hole || record.is_copied) seen_.records.push_back(std::move(record));
    }
    void look_into(SeenRecord& record, off_t size) const {
        const auto file = open_to_look(record.path);
        if (!file) return;
        record.has_hole = has_hole(file, size);
        record.is_copied = seen_.copies_on_write && !is_told_not_to_copy(file);
    }

    UnixTime now_;
    SeenDirectory seen_;
    Descriptor descriptor_;
};

std::string first_line_of(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

/// Those among the programs that log people in that a profile of AppArmor's confines: "/usr/sbin/sshd
/// (enforce)".
std::vector<std::string> confined_programs() {
    constexpr std::array<std::string_view, 8> programs = {"sshd", "login",   "su",   "sudo",
                                                          "gdm",  "lightdm", "sddm", "totp-enroll"};
    std::vector<std::string> confined;
    std::ifstream profiles("/sys/kernel/security/apparmor/profiles");
    for (std::string line; std::getline(profiles, line);) {
        if (!line.ends_with(" (enforce)")) continue;
        const auto name = line.substr(0, line.size() - std::string_view(" (enforce)").size());
        const auto base = name.substr(name.rfind('/') + 1);
        if (std::ranges::find(programs, base) != programs.end()) confined.push_back(name);
    }
    return confined;
}

}  // namespace

StoreFacts look_at_store(const FileStorePlaces& places, MissingState missing_state, UnixTime now,
                         const std::function<std::optional<uid_t>(const std::string&)>& uid_of) {
    DirectoryLook enrolled(places.store + "/enrolled", now);
    enrolled.look_at_records(false, uid_of);
    DirectoryLook state(places.state, now);
    state.look_at_records(true, uid_of);
    DirectoryLook pending(places.store + "/pending", now);
    pending.look_at_records(false, uid_of);
    return {.store = DirectoryLook(places.store, now).result(),
            .enrolled = std::move(enrolled).result(),
            .state = std::move(state).result(),
            .pending = std::move(pending).result(),
            .key = see_file(places.key, Links::followed),
            .next_key = see_file(next_key(places.key), Links::followed),
            .has_nobody = see_file(places.store + "/enrolled/" + nobodys_record).is_there &&
                          see_file(places.state + "/" + nobodys_record).is_there,
            .owner = places.owner,
            .group = group_named(store_group),
            .missing_state = missing_state,
            .selinux_enforces = first_line_of("/sys/fs/selinux/enforce") == "1",
            .confined_programs = confined_programs()};
}

}  // namespace totp
