// Files and directories that count only if nobody else could have made them (DESIGN: "What is on disk").
// Knows how a record is opened, locked, replaced and removed, not what stands in it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <sys/types.h>

#include "core/descriptor.h"
#include "core/failure.h"
#include "core/sentence.h"
#include "core/store.h"

namespace totp {

Failure store_failure(Sentence message);

/// About one file or directory: a sentence as tr() takes it, and as po/update finds it, in which %1 is `path`
/// and %2 what the errno value says.
Failure store_failure(const char* english, const std::string& path, int error);

/// A record that says nothing a login could go by: `failure` is a clause about it, to follow the path. Says
/// the way out.
Failure damaged(const std::string& path, const Failure& failure, const Account& account);

// ---- directories

/// A directory of the store, opened because it can be trusted.
struct Directory {
    std::string path;
    Descriptor descriptor;

    int number() const { return descriptor.number(); }
};

/// Opens `name`, relative to the directory `at`. Refused: a link, one that isn't root's (or `owner`'s), one
/// that others may even search, one whose group may take records away that aren't its own.
Result<Directory> open_directory(const std::string& path, int at, const char* name, int flags, uid_t owner);

/// Makes the directory if it is missing: with `mode` where it has a group of its own, else for the caller
/// alone. One that was made for the caller alone, before there was a group, is given to the group; any other
/// is left.
Result<Done> make_directory(const std::string& path, std::optional<gid_t> group, mode_t mode);

/// The names of the files in a directory that a record could be, one after the other.
class RecordListing {
  public:
    static Result<RecordListing> open(const std::string& path);

    /// The next one; nothing after the last. In no order.
    Result<std::optional<std::string>> next();

  private:
    RecordListing(std::string path, DIR* directory)
        : path_(std::move(path)), directory_(directory, closedir) {}

    std::string path_;
    std::unique_ptr<DIR, int (*)(DIR*)> directory_;
};

/// All of them at once.
Result<std::vector<std::string>> records_in(const std::string& path);

/// What was renamed and removed in it is so after a power cut too.
Result<Done> make_durable(const Directory& directory);

/// Whether others may hold the lock too.
enum class Lock { exclusive, shared };

/// A lock on a directory's names. Shared by who puts records in or takes them away on an account's behalf;
/// exclusive for who goes through all of them (core/rekey). A login needs neither. Goes with the object.
class DirectoryLock {
  public:
    /// Waits at most longest_wait_for_a_lock. `holder` is who else it may be, for the sentence that says so.
    static Result<DirectoryLock> take(const Directory& directory, Lock kind, const Sentence& holder);

    DirectoryLock(DirectoryLock&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    ~DirectoryLock();

  private:
    explicit DirectoryLock(int number) : number_(number) {}

    int number_;
};

/// Takes the record away, durably; it may be missing.
Result<Done> unlink_record(const Directory& directory, const std::string& record);

// ---- records

/// Opens a record for reading; an empty descriptor if there is none. See distrust_record(). One that was
/// replaced meanwhile is opened again.
Result<Descriptor> open_record(const Directory& directory, const std::string& record, const Account& account);

/// Opens a record for writing and waits for its lock, at most longest_wait_for_a_lock; an empty descriptor if
/// there is none. The lock goes with unlock(). One that was replaced meanwhile is opened again.
Result<Descriptor> open_locked(const Directory& directory, const std::string& record, Lock kind);

/// Gives the lock back. Closing isn't enough: a process that another thread of the host forked meanwhile has
/// the descriptor too, for as long as it lives.
void unlock(const Descriptor& file);

/// Whether there is a file that open_locked() could lock, and not a link or something stranger.
bool is_file(const Directory& directory, const std::string& record);

/// Whether `file` is still what the record is called: it may have been replaced meanwhile. It is not where it
/// has lost its name, though a look at the name may find it for a moment longer (seen on ext4).
bool is_still(const Descriptor& file, const Directory& directory, const std::string& record);

/// Who owns what has the record's name, whatever that is; nothing if there is nothing.
Result<std::optional<uid_t>> owner_of(const Directory& directory, const std::string& record);

/// The name of the account whose records are called that; nothing for a name that record_name() doesn't give.
std::optional<std::string> user_of(const std::string& record);

/// Whose record that is, by its name and its owner; nothing for what no record can be: not a regular file, or
/// of a name that record_name() doesn't give.
Result<std::optional<Account>> account_of(const Directory& directory, const std::string& record);

/// Why an open record doesn't count: anything but a regular file with one name, owned by its user or root and
/// closed to all others.
std::optional<Failure> distrust_record(const Descriptor& file, const std::string& path,
                                       const Account& account);

/// A complete file of the account's under a name no record has. Gone again unless publish() succeeds.
class NewFile {
  public:
    NewFile(const Directory& directory, std::string record)
        : directory_(directory), record_(std::move(record)) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();

    Result<Done> write(std::string_view content, const Account& account);

    /// Gives it the record's name, durably: in place of an earlier record, or only if nothing has that name.
    enum class Over { record, nothing };
    Result<Done> publish(Over over);

    /// The same, but durable only with make_durable().
    Result<Done> put_in_place(Over over);

  private:
    std::string path() const { return directory_.path + "/" + record_; }

    const Directory& directory_;
    std::string record_;
    std::string name_;
};

}  // namespace totp
