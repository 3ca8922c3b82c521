// A file descriptor that closes itself, and whole reads and writes through it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor();

    /// Whether it names an open file; if not, errno still says why right after open(2).
    explicit operator bool() const { return number_ >= 0; }
    int number() const { return number_; }

  private:
    int number_ = -1;
};

/// The same open file under a number above the standard ones, which are the host's: where it has closed one
/// of them, what any of its threads writes to stdout or stderr goes to whatever has that number. Empty and
/// errno where that can't be had, or `number` is none.
Descriptor above_standard(int number);

/// openat(2) of a file that is to be written; it has a standard number not even for a moment.
Descriptor open_to_write(int directory, const char* name, int flags, mode_t mode = 0);

/// Everything from where the file is being read, but no more than `limit` + 1 bytes: so that a file that is
/// longer than it may be shows. -1 and errno on failure, else 0.
int read_whole(const Descriptor& file, std::size_t limit, SecretBytes& content);

/// All of `content` at `offset`. -1 and errno on failure, else 0. A file size limit (`ulimit -f`) that
/// doesn't allow it is EFBIG, as it would be without the signal that comes with it.
int write_whole(const Descriptor& file, std::string_view content, std::int64_t offset);

/// Gives the file `name` in the directory the name `other`, which nothing has yet. -1 and errno on failure,
/// EEXIST where something has it, else 0. Also where rename takes no flags, as over NFS and 9p.
int rename_to_new(int directory, const char* name, const char* other);

}  // namespace totp
