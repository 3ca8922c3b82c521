#include "tests/faults/faults.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace faults {
namespace {

// No memory is taken while counting: that is counted too.
constexpr std::size_t most_calls = 100'000;
std::array<const char*, most_calls> names;
std::size_t count = 0;
bool is_counting = false;
Fault planned;
std::vector<Change>* watched = nullptr;

bool is_next(const char* name) {
    if (count < most_calls) names[count] = name;
    ++count;
    return count == planned.at || (planned.is_for_good && planned.at != 0 && count > planned.at);
}

template <class Function>
Function real(const char* name) {
    const Pause pause;
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

void begin(const Fault& fault) {
    planned = fault;
    count = 0;
    is_counting = true;
}

std::vector<const char*> end() {
    is_counting = false;
    return {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(count, most_calls))};
}

Pause::Pause() : was_counting_(is_counting) { is_counting = false; }
Pause::~Pause() { is_counting = was_counting_; }

Spoilt next_call(const char* name) {
    if (!is_counting || planned.is_in_memory || !is_next(name)) return Spoilt::no;
    if (planned.kind == Kind::killed) raise(SIGKILL);
    if (planned.kind == Kind::cut_short) return Spoilt::cut_short;
    errno = planned.error;
    return Spoilt::fails;
}

bool next_allocation_fails() {
    if (!is_counting || !planned.is_in_memory || !is_next("malloc")) return false;
    errno = ENOMEM;
    return true;
}

void watch(std::vector<Change>* changes) { watched = changes; }

namespace {

ino_t inode_of(int file) {
    const Pause pause;
    struct stat status {};
    return fstat(file, &status) == 0 ? status.st_ino : 0;
}

void note(Change change) {
    const Pause pause;
    watched->push_back(std::move(change));
}

/// A call of which nothing can be cut short.
template <class Function, class... Arguments>
int whole(const char* name, Arguments... arguments) {
    const auto call = real<Function>(name);  // not static: other calls have the same type
    return next_call(name) == Spoilt::fails ? -1 : call(arguments...);
}

template <class Function, class Buffer, class... Offset>
ssize_t transferred(const char* name, int file, Buffer* buffer, std::size_t size, Offset... offset) {
    static const auto call = real<Function>(name);
    switch (next_call(name)) {
        case Spoilt::fails: return -1;
        case Spoilt::cut_short: return call(file, buffer, std::min<std::size_t>(size, 1), offset...);
        case Spoilt::no: break;
    }
    return call(file, buffer, size, offset...);
}

int opened(const char* name, int directory, const char* path, int flags, mode_t mode) {
    const int file = whole<int (*)(int, const char*, int, mode_t)>(name, directory, path, flags, mode);
    if (watched != nullptr && file >= 0 && (flags & O_CREAT) != 0) {
        note({.kind = Change::Kind::created,
              .file = inode_of(file),
              .directory = inode_of(directory),
              .name = path});
    }
    return file;
}

int made_durable(const char* name, int file) {
    const int done = whole<int (*)(int)>(name, file);
    if (watched != nullptr && done == 0) note({.kind = Change::Kind::made_durable, .file = inode_of(file)});
    return done;
}

}  // namespace
}  // namespace faults

// ---- in libc's place

extern "C" {

ssize_t read(int file, void* buffer, std::size_t size) {
    return faults::transferred<ssize_t (*)(int, void*, std::size_t)>("read", file, buffer, size);
}
ssize_t __read_chk(int file, void* buffer, std::size_t size, std::size_t) { return read(file, buffer, size); }

ssize_t write(int file, const void* buffer, std::size_t size) {
    return faults::transferred<ssize_t (*)(int, const void*, std::size_t)>("write", file, buffer, size);
}

ssize_t pwrite(int file, const void* buffer, std::size_t size, off_t offset) {
    const auto size_written = faults::transferred<ssize_t (*)(int, const void*, std::size_t, off_t)>(
        "pwrite", file, buffer, size, offset);
    if (faults::watched != nullptr && size_written > 0) {
        faults::note({.kind = faults::Change::Kind::written,
                      .file = faults::inode_of(file),
                      .content = {static_cast<const char*>(buffer), static_cast<std::size_t>(size_written)},
                      .offset = offset});
    }
    return size_written;
}

int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return faults::opened("openat", directory, path, flags, mode);
}
int __openat_2(int directory, const char* path, int flags) { return openat(directory, path, flags); }

int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return faults::opened("openat", AT_FDCWD, path, flags, mode);
}
int __open_2(const char* path, int flags) { return open(path, flags); }

FILE* fopen(const char* path, const char* mode) {
    static const auto call = faults::real<FILE* (*)(const char*, const char*)>("fopen");
    return faults::next_call("fopen") == faults::Spoilt::fails ? nullptr : call(path, mode);
}

DIR* opendir(const char* path) {
    static const auto call = faults::real<DIR* (*)(const char*)>("opendir");
    return faults::next_call("opendir") == faults::Spoilt::fails ? nullptr : call(path);
}

int fsync(int file) { return faults::made_durable("fsync", file); }
int fdatasync(int file) { return faults::made_durable("fdatasync", file); }
int flock(int file, int operation) noexcept {
    return faults::whole<int (*)(int, int)>("flock", file, operation);
}

int fstat(int file, struct stat* status) noexcept {
    return faults::whole<int (*)(int, struct stat*)>("fstat", file, status);
}
int lstat(const char* path, struct stat* status) noexcept {
    return faults::whole<int (*)(const char*, struct stat*)>("lstat", path, status);
}
int fstatat(int directory, const char* path, struct stat* status, int flags) noexcept {
    return faults::whole<int (*)(int, const char*, struct stat*, int)>("fstatat", directory, path, status,
                                                                       flags);
}

int renameat2(int from, const char* name, int to, const char* new_name, unsigned flags) noexcept {
    const int done = faults::whole<int (*)(int, const char*, int, const char*, unsigned)>(
        "renameat2", from, name, to, new_name, flags);
    if (faults::watched != nullptr && done == 0) {
        faults::note({.kind = faults::Change::Kind::renamed,
                      .directory = faults::inode_of(from),
                      .name = name,
                      .new_name = new_name});
    }
    return done;
}
int unlinkat(int directory, const char* path, int flags) noexcept {
    const int done = faults::whole<int (*)(int, const char*, int)>("unlinkat", directory, path, flags);
    if (faults::watched != nullptr && done == 0)
        faults::note(
            {.kind = faults::Change::Kind::removed, .directory = faults::inode_of(directory), .name = path});
    return done;
}
int mkdir(const char* path, mode_t mode) noexcept {
    return faults::whole<int (*)(const char*, mode_t)>("mkdir", path, mode);
}
int fchown(int file, uid_t owner, gid_t group) noexcept {
    return faults::whole<int (*)(int, uid_t, gid_t)>("fchown", file, owner, group);
}
int fchmod(int file, mode_t mode) noexcept {
    return faults::whole<int (*)(int, mode_t)>("fchmod", file, mode);
}

int pipe2(int ends[2], int flags) noexcept {
    return faults::whole<int (*)(int[2], int)>("pipe2", ends, flags);
}
int timerfd_create(int clock, int flags) noexcept {
    return faults::whole<int (*)(int, int)>("timerfd_create", clock, flags);
}
int poll(pollfd* events, nfds_t count, int milliseconds) {
    return faults::whole<int (*)(pollfd*, nfds_t, int)>("poll", events, count, milliseconds);
}
int __poll_chk(pollfd* events, nfds_t count, int milliseconds, std::size_t) {
    return poll(events, count, milliseconds);
}

int getentropy(void* buffer, std::size_t size) {
    return faults::whole<int (*)(void*, std::size_t)>("getentropy", buffer, size);
}
}
