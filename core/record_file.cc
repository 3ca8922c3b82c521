#include "core/record_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <random>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/flaw.h"
#include "core/hexadecimal.h"
#include "core/percent.h"
#include "core/random.h"
#include "core/shell_words.h"

namespace totp {
namespace {

constexpr int record_flags = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
using namespace std::chrono_literals;

Failure unopened_directory(const std::string& path, int error) {
    if (error == ENOENT) {
        return store_failure(
            tr("%1 is missing: mount it, or bring it back from a backup; a new one, with nothing in it, is "
               "made by totp-enroll prepare",
               {path}));
    }
    if (error == ENOTDIR || error == ELOOP) {
        return store_failure(tr("%1 isn't a directory: name the directory itself, not a link to it", {path}));
    }
    return store_failure("%1 can't be opened: %2", path, error);
}

/// Copy-on-write file systems need space to write in place unless told not to copy; others don't know this.
void ask_for_no_copy_on_write(const Descriptor& directory) {
    int flags = 0;
    if (ioctl(directory.number(), FS_IOC_GETFLAGS, &flags) != 0) return;
    flags |= FS_NOCOW_FL;
    static_cast<void>(ioctl(directory.number(), FS_IOC_SETFLAGS, &flags));
}

Failure unopened(const std::string& path, int error) {
    if (error == ELOOP) return store_failure(tr("%1 is a symbolic link: remove it", {path}));
    return store_failure("%1 can't be opened: %2", path, error);
}

/// 0 once the lock is ours; EWOULDBLOCK where somebody else keeps it; else why it can't be had. Asks again
/// and again: flock(2) itself can't be bounded without a signal, and one that never ends could be held
/// against us. The pauses grow with the time waited, so that a crowd leaves the processor to whoever it waits
/// for, and vary, so that it doesn't wake in step.
int lock(int file, Lock kind) {
    const int operation = kind == Lock::exclusive ? LOCK_EX : LOCK_SH;
    std::minstd_rand variation(static_cast<unsigned>(getpid()));
    std::chrono::nanoseconds waited{};
    while (flock(file, operation | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return errno;
        if (waited >= longest_wait_for_a_lock) return EWOULDBLOCK;
        const auto longest = std::min<std::chrono::nanoseconds>(1ms + waited / 32, 16ms);
        const timespec pause{
            .tv_sec = 0,
            .tv_nsec = std::uniform_int_distribution(longest.count() / 2, longest.count())(variation)};
        nanosleep(&pause, nullptr);
        waited += std::chrono::nanoseconds(pause.tv_nsec);
    }
    return 0;
}

Failure unlocked(const std::string& path, int error, const Sentence& in_use) {
    return error == EWOULDBLOCK ? store_failure(in_use)
                                : store_failure("%1 can't be locked: %2", path, error);
}

FileLook look_of(const struct stat& status) { return {status.st_mode, status.st_nlink, status.st_uid}; }

}  // namespace

Failure store_failure(Sentence message) { return {Trouble::store, std::move(message)}; }

Failure store_failure(const char* english, const std::string& path, int error) {
    return store_failure(tr(english, {path, Sentence::of_error(error)}));
}

Failure damaged(const std::string& path, const Failure& failure, const Account& account) {
    if (failure.trouble == Trouble::key)
        return {Trouble::key, tr("%1 %2: bring that key back from a backup", {path, failure.message})};
    return {failure.trouble,
            tr("%1 %2: bring it back from a backup, or run totp-enroll remove --user %3 and enrol again",
               {path, failure.message, shell_word(account.name)})};
}

Result<Directory> open_directory(const std::string& path, int at, const char* name, int flags, uid_t owner) {
    Directory directory{path, Descriptor(openat(at, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))};
    if (!directory.descriptor) {
        return unopened_directory(path, errno);
    }
    struct stat status {};
    if (fstat(directory.number(), &status) != 0)
        return store_failure("%1 can't be examined: %2", path, errno);
    if (const auto flaw = flaw_of_directory(look_of(status), owner))
        return store_failure(sentence_about(path, *flaw));
    return directory;
}

Result<Done> make_directory(const std::string& path, std::optional<gid_t> group, mode_t mode) {
    const bool is_new = mkdir(path.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return store_failure("%1 can't be made: %2", path, errno);
    const Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!directory || fstat(directory.number(), &status) != 0) {
        return is_new ? store_failure("%1 can't be opened: %2", path, errno) : Result<Done>(Done{});
    }
    if (is_new) ask_for_no_copy_on_write(directory);
    const bool is_the_callers_alone =
        status.st_uid == geteuid() && status.st_gid == getegid() && (status.st_mode & ALLPERMS) == 0700;
    if (!group || !is_the_callers_alone) return Done{};
    if (fchown(directory.number(), static_cast<uid_t>(-1), *group) != 0 ||
        fchmod(directory.number(), mode) != 0) {
        return store_failure("%1 can't be given to its group: %2", path, errno);
    }
    return Done{};
}

Result<Done> make_durable(const Directory& directory) {
    if (fsync(directory.number()) != 0)
        return store_failure("%1 can't be written: %2", directory.path, errno);
    return Done{};
}

Result<RecordListing> RecordListing::open(const std::string& path) {
    auto* const directory = opendir(path.c_str());
    if (directory == nullptr) return store_failure("%1 can't be read: %2", path, errno);
    return RecordListing(path, directory);
}

Result<std::optional<std::string>> RecordListing::next() {
    for (;;) {
        errno = 0;  // by which alone readdir(3) tells its end from a failure
        const dirent* entry = readdir(directory_.get());
        if (entry == nullptr && errno != 0) return store_failure("%1 can't be read: %2", path_, errno);
        if (entry == nullptr) return std::optional<std::string>();
        if (entry->d_name[0] != '.')
            return std::optional<std::string>(entry->d_name);  // no record's begins so
    }
}

Result<std::vector<std::string>> records_in(const std::string& path) {
    auto listing = RecordListing::open(path);
    if (!listing) return listing.failure();
    std::vector<std::string> records;
    for (;;) {
        auto record = listing->next();
        if (!record) return record.failure();
        if (!*record) return records;
        records.push_back(**std::move(record));
    }
}

Result<DirectoryLock> DirectoryLock::take(const Directory& directory, Lock kind, const Sentence& holder) {
    if (const int error = lock(directory.number(), kind); error != 0) {
        return unlocked(directory.path, error,
                        tr("%1 is in use by %2: try again when that is done", {directory.path, holder}));
    }
    return DirectoryLock(directory.number());
}

DirectoryLock::~DirectoryLock() {
    if (number_ >= 0) flock(number_, LOCK_UN);
}

Result<Done> unlink_record(const Directory& directory, const std::string& record) {
    if (unlinkat(directory.number(), record.c_str(), 0) != 0 && errno != ENOENT) {
        return store_failure("%1 can't be removed: %2", directory.path + "/" + record, errno);
    }
    return make_durable(directory);
}

Result<Descriptor> open_record(const Directory& directory, const std::string& record,
                               const Account& account) {
    constexpr int looks = 100;  // replaced between opening and looking, and again; but not for ever
    const auto path = directory.path + "/" + record;
    for (int look = 1;; ++look) {
        Descriptor file(openat(directory.number(), record.c_str(), O_RDONLY | record_flags));
        if (!file && errno == ENOENT) return Descriptor();
        if (!file) return unopened(path, errno);
        const auto failure = distrust_record(file, path, account);
        if (!failure) return file;
        if (look == looks || is_still(file, directory, record)) return *failure;
    }
}

Result<Descriptor> open_locked(const Directory& directory, const std::string& record, Lock kind) {
    const auto path = directory.path + "/" + record;
    for (;;) {
        auto file = open_to_write(directory.number(), record.c_str(), O_RDWR | record_flags);
        if (!file && errno == ENOENT) return Descriptor();
        if (!file) return unopened(path, errno);
        if (const int error = lock(file.number(), kind); error != 0) {
            return unlocked(path, error,
                            tr("%1 is in use by another login or by totp-enroll: try again", {path}));
        }
        if (is_still(file, directory, record)) return file;
    }
}

void unlock(const Descriptor& file) { flock(file.number(), LOCK_UN); }

bool is_file(const Directory& directory, const std::string& record) {
    struct stat status {};
    return fstatat(directory.number(), record.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

bool is_still(const Descriptor& file, const Directory& directory, const std::string& record) {
    struct stat ours {};
    struct stat named {};
    return fstat(file.number(), &ours) == 0 && ours.st_nlink != 0 &&
           fstatat(directory.number(), record.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

Result<std::optional<uid_t>> owner_of(const Directory& directory, const std::string& record) {
    struct stat status {};
    if (fstatat(directory.number(), record.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return std::optional(status.st_uid);
    if (errno == ENOENT) return std::optional<uid_t>();
    return store_failure("%1 can't be examined: %2", directory.path + "/" + record, errno);
}

std::optional<std::string> user_of(const std::string& record) {
    const auto user = percent_decode(record);
    if (!user || record_name(user->text()) != record) return std::nullopt;
    return std::string(user->text());
}

Result<std::optional<Account>> account_of(const Directory& directory, const std::string& record) {
    const auto owner = owner_of(directory, record);
    if (!owner) return owner.failure();
    const auto user = user_of(record);
    if (!*owner || !user || !is_file(directory, record)) return std::optional<Account>();
    return std::optional(Account{*user, **owner});
}

std::optional<Failure> distrust_record(const Descriptor& file, const std::string& path,
                                       const Account& account) {
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return store_failure("%1 can't be examined: %2", path, errno);
    if (const auto flaw = flaw_of_record(look_of(status), account))
        return store_failure(sentence_about(path, *flaw));
    return std::nullopt;
}

NewFile::~NewFile() {
    if (!name_.empty()) unlinkat(directory_.number(), name_.c_str(), 0);
}

Result<Done> NewFile::write(std::string_view content, const Account& account) {
    const auto suffix = random_bytes(8);
    if (!suffix) return suffix.failure();
    const auto name = ".new-" + hexadecimal(suffix->octets());
    const auto file =
        open_to_write(directory_.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | record_flags, 0600);
    if (!file) return store_failure("%1 can't be made: %2", path(), errno);
    name_ = name;
    if (geteuid() == 0 && fchown(file.number(), account.uid, static_cast<gid_t>(-1)) != 0) {
        return store_failure("%1 can't be given to its user: %2", path(), errno);
    }
    if (write_whole(file, content, 0) != 0 || fsync(file.number()) != 0)
        return store_failure("%1 can't be written: %2", path(), errno);
    return Done{};
}

Result<Done> NewFile::put_in_place(Over over) {
    const int number = directory_.number();
    const int renamed = over == Over::nothing ? rename_to_new(number, name_.c_str(), record_.c_str())
                                              : renameat2(number, name_.c_str(), number, record_.c_str(), 0);
    if (renamed != 0) {
        if (errno == EEXIST) return Done{};  // somebody else's is as good
        return store_failure("%1 can't be put in place: %2", path(), errno);
    }
    name_.clear();
    return Done{};
}

Result<Done> NewFile::publish(Over over) {
    if (auto placed = put_in_place(over); !placed) return placed;
    return make_durable(directory_);
}

}  // namespace totp
