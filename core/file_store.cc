#include "core/file_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <stdexcept>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hexadecimal.h"
#include "core/random.h"
#include "core/seal.h"

namespace totp {
namespace {

constexpr std::size_t state_size = sizeof(SlotPair);
constexpr std::size_t longest_enrolment = 16'384;
constexpr int record_flags = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
constexpr int milliseconds_to_wait_for_a_lock = 5'000;

Failure store_failure(const std::string& path, const std::string& what) {
    return {Trouble::store, path + " " + what};
}

Failure store_failure(const std::string& path, const std::string& what, int error) {
    return store_failure(path, what + because_of(error));
}

// ---- directories

/// A directory of the store, opened because it can be trusted.
struct Directory {
    std::string path;
    Descriptor descriptor;

    int number() const { return descriptor.number(); }
};

Failure unopened_directory(const std::string& path, int error) {
    if (error == ENOENT)
        return store_failure(path, "is missing: enrol somebody with totp-enroll, or mount it");
    if (error == ENOTDIR || error == ELOOP) {
        return store_failure(path, "isn't a directory: name the directory itself, not a link to it");
    }
    return store_failure(path, "can't be opened", error);
}

Result<Directory> open_directory(const std::string& path, int at, const char* name, int flags, uid_t owner) {
    Directory directory{path, Descriptor(openat(at, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))};
    if (!directory.descriptor) {
        return unopened_directory(path, errno);
    }
    struct stat status {};
    if (fstat(directory.number(), &status) != 0) return store_failure(path, "can't be examined", errno);
    if (status.st_uid != 0 && status.st_uid != owner) {
        return store_failure(path, "doesn't belong to root: run chown root on it");
    }
    if ((status.st_mode & S_IRWXO) != 0) {
        return store_failure(path, "is open to others, who could bring old records back: run chmod o= on it");
    }
    if ((status.st_mode & S_IWGRP) != 0 && (status.st_mode & S_ISVTX) == 0) {
        return store_failure(path, "lets its group take others' records away: run chmod +t on it");
    }
    return directory;
}

Result<Directory> open_enrolled(const FileStorePlaces& places) {
    auto store = open_directory(places.store, AT_FDCWD, places.store.c_str(), O_PATH, places.owner);
    if (!store) return store;
    return open_directory(places.store + "/enrolled", store->number(), "enrolled", O_RDONLY, places.owner);
}

Result<Directory> open_state(const FileStorePlaces& places) {
    return open_directory(places.state, AT_FDCWD, places.state.c_str(), O_RDONLY, places.owner);
}

Result<Done> make_durable(const Directory& directory) {
    if (fsync(directory.number()) != 0) return store_failure(directory.path, "can't be written", errno);
    return Done{};
}

/// Copy-on-write file systems need space to write in place unless told not to copy; others don't know this.
void ask_for_no_copy_on_write(const Descriptor& directory) {
    int flags = 0;
    if (ioctl(directory.number(), FS_IOC_GETFLAGS, &flags) != 0) return;
    flags |= FS_NOCOW_FL;
    static_cast<void>(ioctl(directory.number(), FS_IOC_SETFLAGS, &flags));
}

/// `mode` counts where the directory has a group of its own; else it is root's alone.
Result<Done> make_directory(const std::string& path, std::optional<gid_t> group, mode_t mode) {
    if (mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return Done{};
        return store_failure(path, "can't be made", errno);
    }
    const Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) return store_failure(path, "can't be opened", errno);
    ask_for_no_copy_on_write(directory);
    if (!group) return Done{};
    if (fchown(directory.number(), static_cast<uid_t>(-1), *group) != 0 ||
        fchmod(directory.number(), mode) != 0) {
        return store_failure(path, "can't be given to its group", errno);
    }
    return Done{};
}

// ---- records

std::optional<Failure> distrust(const std::string& path, const struct stat& status, const Account& account) {
    if (!S_ISREG(status.st_mode)) return store_failure(path, "isn't a regular file: remove it");
    if (status.st_nlink != 1) return store_failure(path, "has another name as well: remove it");
    if (status.st_uid != account.uid && status.st_uid != 0) {
        return store_failure(path, "doesn't belong to " + account.name + ": run chown on it");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return store_failure(path, "is open to others: run chmod go= on it");
    }
    return std::nullopt;
}

Failure unopened(const std::string& path, int error) {
    if (error == ELOOP) return store_failure(path, "is a symbolic link: remove it");
    return store_failure(path, "can't be opened", error);
}

/// One account's name, as the files are called.
struct Names {
    std::string record;
    std::string enrolled;
    std::string state;
};

/// A record that says nothing a login could go by, and the way out.
Failure damaged(const std::string& path, const Failure& failure, const Account& account) {
    const auto way_out = failure.trouble == Trouble::key
                             ? std::string(": bring that key back from a backup")
                             : ": bring it back from a backup, or run totp-enroll remove --user " +
                                   account.name + " and enrol again";
    return {failure.trouble, path + " " + failure.message + way_out};
}

/// The enrolment of the account; nothing if there is none.
Result<std::optional<Enrolment>> read_enrolment(const Directory& directory, const Names& names,
                                                const Account& account, const FileStorePlaces& places) {
    const Descriptor file(openat(directory.number(), names.record.c_str(), O_RDONLY | record_flags));
    if (!file && errno == ENOENT) return std::optional<Enrolment>();
    if (!file) return unopened(names.enrolled, errno);
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return store_failure(names.enrolled, "can't be examined", errno);
    if (auto failure = distrust(names.enrolled, status, account)) return *failure;
    SecretBytes sealed;
    if (read_whole(file, longest_enrolment, sealed) != 0) {
        return store_failure(names.enrolled, "can't be read", errno);
    }
    const auto key = HostKey::read(places.key, places.owner);
    if (!key) return key.failure();
    const auto text = key->unseal(account.name, sealed.text());
    if (!text) return damaged(names.enrolled, text.failure(), account);
    auto enrolment = parse_enrolment(text->text());
    if (!enrolment) return damaged(names.enrolled, enrolment.failure(), account);
    return std::optional<Enrolment>(*std::move(enrolment));
}

Result<LoginState> read_state(const Descriptor& file, const Names& names, const Account& account) {
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return store_failure(names.state, "can't be examined", errno);
    if (auto failure = distrust(names.state, status, account)) return *failure;
    SecretBytes content;
    if (read_whole(file, state_size, content) != 0) return store_failure(names.state, "can't be read", errno);
    if (content.size() != state_size) {
        return damaged(names.state, {Trouble::store, "isn't 4096 bytes long"}, account);
    }

    SlotPair slots;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        std::ranges::copy(content.text().substr(i * slot_size, slot_size), slots[i].begin());
    }
    auto state = newest(slots);
    if (!state) {
        return damaged(names.state, {Trouble::store, "is damaged or of a version this program doesn't know"},
                       account);
    }
    return *std::move(state);
}

/// Two slots, so that every block of the file is written before a login depends on it.
std::string initial_state_file() {
    std::string content;
    for (const std::uint64_t sequence : {0, 1}) {
        const auto slot = format_slot({.sequence = sequence});
        content.append(slot.data(), slot.size());
    }
    return content;
}

/// A complete file of the account's under a name no record has. Gone again unless publish() succeeds.
class NewFile {
  public:
    NewFile(const Directory& directory, std::string record)
        : directory_(directory), record_(std::move(record)) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (!name_.empty()) unlinkat(directory_.number(), name_.c_str(), 0);
    }

    Result<Done> write(std::string_view content, const Account& account);

    /// Gives it the record's name, durably; with RENAME_NOREPLACE only if nothing has that name.
    Result<Done> publish(unsigned flags);

  private:
    Failure failure(const std::string& what) const {
        return store_failure(directory_.path + "/" + record_, what, errno);
    }

    const Directory& directory_;
    std::string record_;
    std::string name_;
};

Result<Done> NewFile::write(std::string_view content, const Account& account) {
    const auto suffix = random_bytes(8);
    if (!suffix) return suffix.failure();
    const auto name = ".new-" + hexadecimal(suffix->octets());
    const Descriptor file(
        openat(directory_.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | record_flags, 0600));
    if (!file) return failure("can't be made");
    name_ = name;
    if (geteuid() == 0 && fchown(file.number(), account.uid, static_cast<gid_t>(-1)) != 0) {
        return failure("can't be given to its user");
    }
    if (write_whole(file, content, 0) != 0 || fsync(file.number()) != 0) return failure("can't be written");
    return Done{};
}

Result<Done> NewFile::publish(unsigned flags) {
    const int number = directory_.number();
    if (renameat2(number, name_.c_str(), number, record_.c_str(), flags) != 0) {
        if (errno == EEXIST) return Done{};  // somebody else's is as good
        return failure("can't be put in place");
    }
    name_.clear();
    return make_durable(directory_);
}

Result<Done> make_initial_state(const Directory& directory, const Names& names, const Account& account) {
    NewFile file(directory, names.record);
    if (auto written = file.write(initial_state_file(), account); !written) return written;
    return file.publish(RENAME_NOREPLACE);
}

// ---- locking

/// Nothing once the lock is ours; it goes with the descriptor. Asks again every millisecond: flock(2) itself
/// can't be bounded without a signal, and one that never ends could be held against us.
std::optional<Failure> lock(const Descriptor& file, const std::string& path) {
    constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    for (int waited = 0; flock(file.number(), LOCK_EX | LOCK_NB) != 0; ++waited) {
        if (errno != EWOULDBLOCK && errno != EINTR) return store_failure(path, "can't be locked", errno);
        if (waited >= milliseconds_to_wait_for_a_lock) {
            return store_failure(path, "is in use by another login or by totp-enroll: try again");
        }
        nanosleep(&pause, nullptr);
    }
    return std::nullopt;
}

/// Whether `file` is still what the account's state is called: it may have been replaced while we waited.
bool is_still(const Descriptor& file, const Directory& directory, const std::string& record) {
    struct stat ours {};
    struct stat named {};
    return fstat(file.number(), &ours) == 0 &&
           fstatat(directory.number(), record.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/// The account's state file, locked; an empty descriptor if there is none.
Result<Descriptor> open_locked(const Directory& directory, const Names& names) {
    for (;;) {
        Descriptor file(openat(directory.number(), names.record.c_str(), O_RDWR | record_flags));
        if (!file && errno == ENOENT) return Descriptor();
        if (!file) return unopened(names.state, errno);
        if (auto failure = lock(file, names.state)) return *failure;
        if (is_still(file, directory, names.record)) return file;
    }
}

// ---- a held account

class HeldFiles : public HeldAccount {
  public:
    HeldFiles(FileStorePlaces places, Account account, Names names, Directory enrolled, Directory states)
        : places_(std::move(places)),
          account_(std::move(account)),
          names_(std::move(names)),
          enrolled_(std::move(enrolled)),
          states_(std::move(states)) {}

    /// Locks and reads; to be called first.
    Result<Done> hold(HoldFor purpose);

    Result<Done> commit(LoginState next) override;
    Result<Done> enrol(const Enrolment& enrolment, LoginState state) override;
    Result<Done> remove() override;

  private:
    /// Whether the state is a file at all; damage, and the link somebody put there, have no lock.
    bool can_be_locked() const;
    Result<Done> take_lock();
    Result<Done> read_records();
    Result<Done> refuse_lost_state() const;
    Result<Done> unlink_record(const Directory& directory, const std::string& path);

    FileStorePlaces places_;
    Account account_;
    Names names_;
    Directory enrolled_;
    Directory states_;
    Descriptor file_;  // of the state, locked
};

bool HeldFiles::can_be_locked() const {
    struct stat status {};
    return fstatat(states_.number(), names_.record.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

Result<Done> HeldFiles::take_lock() {
    auto file = open_locked(states_, names_);
    if (!file) return file.failure();
    file_ = *std::move(file);
    return Done{};
}

Result<Done> HeldFiles::read_records() {
    auto enrolment = read_enrolment(enrolled_, names_, account_, places_);
    if (!enrolment) return enrolment.failure();
    enrolment_ = *std::move(enrolment);
    if (!file_) return Done{};
    auto state = read_state(file_, names_, account_);
    if (!state) return state.failure();
    state_ = *std::move(state);
    return Done{};
}

Result<Done> HeldFiles::refuse_lost_state() const {
    const auto way_out = ", so codes that were spent would count again: run totp-enroll remove --user " +
                         account_.name + " and enrol again, or see missing_state in pam_totp.conf(5)";
    if (!file_) return store_failure(names_.state, "is missing" + way_out);
    if (const auto* device = device_without_state(*enrolment_, state_)) {
        return store_failure(names_.state, "knows nothing of the device " + device->name + way_out);
    }
    return Done{};
}

Result<Done> HeldFiles::hold(HoldFor purpose) {
    if (purpose == HoldFor::removal) return can_be_locked() ? take_lock() : Done{};
    if (auto locked = take_lock(); !locked) return locked;
    if (auto read = read_records(); !read) return read;
    if (purpose == HoldFor::login && enrolment_) return refuse_lost_state();
    if (file_ || (!enrolment_ && purpose != HoldFor::change)) return Done{};
    if (auto made = make_initial_state(states_, names_, account_); !made) return made;
    if (auto locked = take_lock(); !locked) return locked;
    if (!file_) return store_failure(names_.state, "was removed at the same moment: try again");
    return read_records();
}

Result<Done> HeldFiles::commit(LoginState next) {
    next.sequence = state_.sequence + 1;
    const auto slot = format_slot(next);
    if (parse_slot({slot.data(), slot.size()}) != next)
        throw std::logic_error("a login state can't be read again");
    const auto offset = static_cast<std::int64_t>(slot_for(next.sequence) * slot_size);
    if (write_whole(file_, {slot.data(), slot.size()}, offset) != 0 || fdatasync(file_.number()) != 0) {
        return store_failure(names_.state, "can't be written", errno);
    }
    state_ = std::move(next);
    return Done{};
}

Result<Done> HeldFiles::enrol(const Enrolment& enrolment, LoginState state) {
    if (const auto wrong = contradiction_in(enrolment)) {
        return Failure{Trouble::input, "nothing was enrolled: there would be " + *wrong};
    }
    const auto key = HostKey::read(places_.key, places_.owner);
    if (!key) return key.failure();
    const auto sealed = key->seal(account_.name, format_enrolment(enrolment));
    if (!sealed) return sealed.failure();
    if (auto committed = commit(std::move(state)); !committed) return committed;
    NewFile file(enrolled_, names_.record);
    if (auto written = file.write(*sealed, account_); !written) return written;
    if (auto published = file.publish(0); !published) return published;
    enrolment_ = enrolment;
    return Done{};
}

Result<Done> HeldFiles::unlink_record(const Directory& directory, const std::string& path) {
    if (unlinkat(directory.number(), names_.record.c_str(), 0) != 0 && errno != ENOENT) {
        return store_failure(path, "can't be removed", errno);
    }
    return make_durable(directory);
}

Result<Done> HeldFiles::remove() {
    if (auto removed = unlink_record(enrolled_, names_.enrolled); !removed) return removed;
    enrolment_.reset();
    return unlink_record(states_, names_.state);
}

/// Whether anybody is enrolled, or might be.
Result<bool> has_records(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    if (directory == nullptr) return store_failure(path, "can't be read", errno);
    while (const dirent* entry = readdir(directory.get())) {
        if (entry->d_name[0] != '.') return true;  // no record's name begins with a dot
    }
    return false;
}

/// A key that is lost is not made anew: what was sealed under it would stay shut, and nobody would be told.
Result<Done> make_key_once(const FileStorePlaces& places, std::optional<gid_t> group) {
    struct stat status {};
    if (stat(places.key.c_str(), &status) == 0) return Done{};
    if (errno != ENOENT) return Failure{Trouble::key, places.key + " can't be examined" + because_of(errno)};
    const auto is_lost = has_records(places.store + "/enrolled");
    if (!is_lost) return is_lost.failure();
    if (*is_lost) {
        return Failure{Trouble::key, "the host key " + places.key +
                                         " is missing, but there are enrolments under " + places.store +
                                         ": bring it back from a backup"};
    }
    return HostKey::create(places.key, group);
}

Result<Names> names_of(const Account& account, const FileStorePlaces& places) {
    auto record = record_name(account.name);
    if (!record)
        return Failure{Trouble::store, "no record can have the name of this account: it is too long"};
    return Names{*record, places.store + "/enrolled/" + *record, places.state + "/" + *record};
}

}  // namespace

Result<bool> FileStore::is_enrolled(const Account& account) {
    const auto names = names_of(account, places_);
    if (!names) return names.failure();
    const auto directory = open_enrolled(places_);
    if (!directory) return directory.failure();
    struct stat status {};
    if (fstatat(directory->number(), names->record.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    return store_failure(names->enrolled, "can't be examined", errno);
}

Result<std::unique_ptr<HeldAccount>> FileStore::hold(const Account& account, HoldFor purpose) {
    auto names = names_of(account, places_);
    if (!names) return names.failure();
    auto enrolled = open_enrolled(places_);
    if (!enrolled) return enrolled.failure();
    auto states = open_state(places_);
    if (!states) return states.failure();
    auto held = std::make_unique<HeldFiles>(places_, account, *std::move(names), *std::move(enrolled),
                                            *std::move(states));
    if (auto read = held->hold(purpose); !read) return read.failure();
    return std::unique_ptr<HeldAccount>(std::move(held));
}

Result<Done> FileStore::prepare(std::optional<gid_t> group) {
    constexpr mode_t search_only = 0710;
    constexpr mode_t add_but_not_take_away = 01770;
    for (const auto& [path, mode] : {std::pair(places_.store, search_only),
                                     std::pair(places_.store + "/enrolled", add_but_not_take_away),
                                     std::pair(places_.store + "/pending", add_but_not_take_away),
                                     std::pair(places_.state, add_but_not_take_away)}) {
        if (auto made = make_directory(path, group, mode); !made) return made;
    }
    return make_key_once(places_, group);
}

}  // namespace totp
