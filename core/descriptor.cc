#include "core/descriptor.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace totp {

Descriptor::~Descriptor() {
    if (number_ >= 0) close(number_);
}

Descriptor above_standard(int number) {
    if (number < 0 || number > STDERR_FILENO) return Descriptor(number);
    const Descriptor low(number);
    return Descriptor(fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

/// The lowest free number is always given. So the directory, which can't be written, takes each standard one
/// that is free meanwhile; another thread that closes one just then is what is left to above_standard().
Descriptor open_to_write(int directory, const char* name, int flags, mode_t mode) {
    Descriptor lowest(fcntl(directory, F_DUPFD_CLOEXEC, 0));
    if (lowest && lowest.number() <= STDERR_FILENO) return open_to_write(directory, name, flags, mode);
    lowest = Descriptor();
    return above_standard(openat(directory, name, flags, mode));
}

int read_whole(const Descriptor& file, std::size_t limit, SecretBytes& content) {
    constexpr std::size_t usual_size = 4'097;  // of what a login reads nothing is longer, as a rule
    content.resize(std::min(limit + 1, usual_size));
    std::size_t size = 0;
    while (size < content.size()) {
        const auto count = read(file.number(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
        if (size == content.size()) content.resize(std::min(limit + 1, 2 * size));
    }
    content.resize(size);
    return 0;
}

int write_whole(const Descriptor& file, std::string_view content, std::int64_t offset) {
    rlimit limit{};
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return -1;
    if (limit.rlim_cur < static_cast<rlim_t>(offset) + content.size()) {
        errno = EFBIG;
        return -1;
    }
    while (!content.empty()) {
        const auto count = pwrite(file.number(), content.data(), content.size(), offset);
        if (count < 0 && errno == EINTR) continue;
        if (count == 0) errno = ENOSPC;  // else it would never end
        if (count <= 0) return -1;
        content.remove_prefix(static_cast<std::size_t>(count));
        offset += count;
    }
    return 0;
}

int rename_to_new(int directory, const char* name, const char* other) {
    if (renameat2(directory, name, directory, other, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL) return -1;
    if (linkat(directory, name, directory, other, 0) != 0) return -1;
    return unlinkat(directory, name, 0);
}

}  // namespace totp
