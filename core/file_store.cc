#include "core/file_store.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/account_records.h"
#include "core/percent.h"
#include "core/random.h"
#include "core/record_file.h"
#include "core/recovery.h"
#include "core/seal.h"
#include "core/sealed_record.h"

namespace totp {
namespace {

constexpr const char* pending_directory = "pending";

// ---- reading

Result<Directory> open_enrolled(const FileStorePlaces& places) { return open_in_store(places, "enrolled"); }

/// Two slots, so that every block of the file is written before a login depends on it.
std::string initial_state_file() {
    std::string content;
    for (const std::uint64_t sequence : {0, 1}) {
        const auto slot = format_slot({.sequence = sequence});
        content.append(slot.data(), slot.size());
    }
    return content;
}

Result<Done> make_initial_state(const Directory& directory, const RecordNames& names,
                                const Account& account) {
    NewFile file(directory, names.record);
    if (auto written = file.write(initial_state_file(), account); !written) return written;
    return file.publish(NewFile::Over::nothing);
}

/// From before the key is read until what is sealed under it is in place: so that no record is left under a
/// key that rekey() has replaced, nor comes back that was taken away.
Result<DirectoryLock> share(const Directory& directory) {
    return DirectoryLock::take(directory, Lock::shared, "totp-enroll rekey");
}

// ---- a held account

class HeldFiles : public HeldAccount {
  public:
    HeldFiles(FileStorePlaces places, Account account, HoldFor purpose, RecordNames names, Directory enrolled,
              Directory states)
        : places_(std::move(places)),
          account_(std::move(account)),
          purpose_(purpose),
          names_(std::move(names)),
          enrolled_(std::move(enrolled)),
          states_(std::move(states)) {}

    ~HeldFiles() override {
        if (file_) unlock(file_);
    }
    HeldFiles(const HeldFiles&) = delete;
    HeldFiles& operator=(const HeldFiles&) = delete;

    /// Locks and reads; to be called first.
    Result<Done> hold();

    Result<Done> commit(LoginState next) override;
    Result<Done> enrol(const Enrolment& enrolment, LoginState state) override;
    Result<Done> remove() override;

  private:
    Result<Done> take_lock();
    Result<Done> read_records();
    void forget_pending() const;

    FileStorePlaces places_;
    Account account_;
    HoldFor purpose_;
    RecordNames names_;
    Directory enrolled_;
    Directory states_;
    Descriptor file_;  // of the state, locked
};

Result<Done> HeldFiles::take_lock() {
    const auto kind = purpose_ == HoldFor::pretence ? Lock::shared : Lock::exclusive;
    auto file = open_locked(states_, names_.record, kind);
    if (!file) return file.failure();
    file_ = *std::move(file);
    return Done{};
}

Result<Done> HeldFiles::read_records() {
    HostKeys keys(places_.key, places_.owner);
    auto enrolment = read_enrolment(enrolled_, names_, account_, keys);
    if (!enrolment) return enrolment.failure();
    enrolment_ = *std::move(enrolment);
    if (!file_) return Done{};
    auto state = read_state(file_, names_, account_);
    if (!state) return state.failure();
    state_ = *std::move(state);
    return Done{};
}

Result<Done> HeldFiles::hold() {
    if (purpose_ == HoldFor::removal) return is_file(states_, names_.record) ? take_lock() : Done{};
    if (auto locked = take_lock(); !locked) return locked;
    if (auto read = read_records(); !read) return read;
    if (purpose_ == HoldFor::pretence && !(file_ && enrolment_))
        return store_failure(tr("%1 or its state is missing", {names_.enrolled}));
    if (purpose_ == HoldFor::login && enrolment_) {
        const auto lost = refuse_lost_state(*enrolment_, file_ ? &state_ : nullptr, names_, account_);
        return lost ? Result<Done>(*lost) : Done{};
    }
    if (file_ || (!enrolment_ && purpose_ != HoldFor::change)) return Done{};
    if (auto made = make_initial_state(states_, names_, account_); !made) return made;
    if (auto locked = take_lock(); !locked) return locked;
    if (!file_) return store_failure(tr("%1 was removed at the same moment: try again", {names_.state}));
    return read_records();
}

Result<Done> HeldFiles::commit(LoginState next) {
    if (purpose_ == HoldFor::pretence) {
        next = state_;
    } else {
        next.sequence = state_.sequence + 1;
    }
    const auto slot = format_slot(next);
    const auto offset = static_cast<std::int64_t>(slot_for(next.sequence) * slot_size);
    if (write_whole(file_, {slot.data(), slot.size()}, offset) != 0 || fdatasync(file_.number()) != 0) {
        return store_failure("%1 can't be written: %2", names_.state, errno);
    }
    state_ = std::move(next);
    return Done{};
}

/// All that needs new space comes first: where there is none nothing has happened, and the state doesn't tell
/// of a change.
Result<Done> HeldFiles::enrol(const Enrolment& enrolment, LoginState state) {
    if (const auto wrong = contradiction_in(enrolment)) {
        return input_failure(tr("nothing was enrolled: there would be %1", {*wrong}));
    }
    const auto lock = share(enrolled_);
    if (!lock) return lock.failure();
    const auto key = HostKey::read(places_.key, places_.owner);
    if (!key) return key.failure();
    const auto sealed = key->seal(account_.name, format_enrolment(enrolment));
    if (!sealed) return sealed.failure();
    NewFile file(enrolled_, names_.record);
    if (auto written = file.write(*sealed, account_); !written) return written;
    if (auto committed = commit(std::move(state)); !committed) return committed;
    if (auto published = file.publish(NewFile::Over::record); !published) return published;
    enrolment_ = enrolment;
    forget_pending();
    return Done{};
}

/// What was shown before is of no use now. Where it can't be taken away it is only offered once more, and
/// only where it was shown.
void HeldFiles::forget_pending() const {
    const auto pending = open_in_store(places_, pending_directory);
    if (pending) unlinkat(pending->number(), names_.record.c_str(), 0);
}

Result<Done> HeldFiles::remove() {
    const auto lock = share(enrolled_);
    if (!lock) return lock.failure();
    if (auto removed = unlink_record(enrolled_, names_.record); !removed) return removed;
    enrolment_.reset();
    return unlink_record(states_, names_.record);
}

/// A key that is lost is not made anew: what was sealed under it would stay shut, and nobody would be told.
Result<Done> make_key_once(const FileStorePlaces& places, std::optional<gid_t> group) {
    struct stat status {};
    if (stat(places.key.c_str(), &status) == 0) {
        if (auto given = HostKey::give_to(places.key, group); !given) return given;
        return HostKey::give_to(next_key(places.key), group);
    }
    if (errno != ENOENT) {
        return Failure{Trouble::key, tr("%1 can't be examined: %2", {places.key, Sentence::of_error(errno)})};
    }
    const auto records = records_in(places.store + "/enrolled");
    if (!records) return records.failure();
    if (!records->empty()) {
        return Failure{Trouble::key,
                       tr("the host key %1 is missing, but there are enrolments under %2: bring "
                          "it back from a backup",
                          {places.key, places.store})};
    }
    auto made = HostKey::create(places.key, group);
    if (made || stat(places.key.c_str(), &status) != 0) return made;
    return Done{};  // somebody else was faster, whose key is as good
}

Result<RecordNames> names_of(const Account& account, const FileStorePlaces& places) {
    const auto record = record_name(account.name);
    if (!record) return store_failure(tr("no record can have the name of this account: it is too long"));
    return names_of_record(*record, places);
}

Result<std::unique_ptr<HeldAccount>> hold_records(const FileStorePlaces& places, const Account& account,
                                                  RecordNames names, HoldFor purpose) {
    auto enrolled = open_enrolled(places);
    if (!enrolled) return enrolled.failure();
    auto states = open_state_directory(places);
    if (!states) return states.failure();
    auto held = std::make_unique<HeldFiles>(places, account, purpose, std::move(names), *std::move(enrolled),
                                            *std::move(states));
    if (auto read = held->hold(); !read) return read.failure();
    return std::unique_ptr<HeldAccount>(std::move(held));
}

// ---- nobody

/// Like a usual account's. What its codes are is forgotten at once.
Result<Enrolment> enrolment_of_nobody() {
    auto secret = random_bytes(recommended_secret_size(Algorithm::sha1));
    if (!secret) return secret.failure();
    auto codes = new_recovery_codes(usual_recovery_codes);
    if (!codes) return codes.failure();
    return Enrolment{{Device("phone", {.secret = *std::move(secret)})}, std::move(codes->hashes)};
}

Result<std::unique_ptr<HeldAccount>> hold_nobody(const FileStorePlaces& places, HoldFor purpose) {
    return hold_records(places, nobody(places), names_of_record(nobodys_record, places), purpose);
}

/// Damaged records of nobody's, or such as are sealed under an earlier key, are replaced: nothing is lost.
Result<std::unique_ptr<HeldAccount>> hold_to_make_pretence(const FileStorePlaces& places) {
    if (auto held = hold_nobody(places, HoldFor::change)) return held;
    const auto held = hold_nobody(places, HoldFor::removal);
    if (!held) return held.failure();
    if (auto removed = (*held)->remove(); !removed) return removed.failure();
    return hold_nobody(places, HoldFor::change);
}

Result<Done> make_pretence(const FileStorePlaces& places) {
    if (const auto key = HostKey::read(places.key, places.owner); !key) return key.failure();
    const auto enrolment = enrolment_of_nobody();
    if (!enrolment) return enrolment.failure();
    const auto held = hold_to_make_pretence(places);
    if (!held) return held.failure();
    return (*held)->enrol(*enrolment, new_login_state(*enrolment));
}

}  // namespace

Result<Directory> open_store_directory(const FileStorePlaces& places) {
    return open_directory(places.store, AT_FDCWD, places.store.c_str(), O_RDONLY, places.owner);
}

Result<Directory> open_in_store(const FileStorePlaces& places, const char* name) {
    auto store = open_directory(places.store, AT_FDCWD, places.store.c_str(), O_PATH, places.owner);
    if (!store) return store;
    return open_directory(places.store + "/" + name, store->number(), name, O_RDONLY, places.owner);
}

Result<Directory> open_state_directory(const FileStorePlaces& places) {
    return open_directory(places.state, AT_FDCWD, places.state.c_str(), O_RDONLY, places.owner);
}

FileStorePlaces places_in(const Settings& settings, uid_t owner) {
    return {settings.store, settings.state_directory(), settings.key, owner};
}

Result<bool> FileStore::is_enrolled(const Account& account) {
    const auto names = names_of(account, places_);
    if (!names) return names.failure();
    const auto directory = open_enrolled(places_);
    if (!directory) return directory.failure();
    struct stat status {};
    if (fstatat(directory->number(), names->record.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT) return false;
    return store_failure("%1 can't be examined: %2", names->enrolled, errno);
}

Result<Done> FileStore::can_enrol(const Account& account) {
    const auto names = names_of(account, places_);
    if (!names) return names.failure();
    if (const auto key = HostKey::read(places_.key, places_.owner); !key) return key.failure();
    const auto enrolled = open_enrolled(places_);
    if (!enrolled) return enrolled.failure();
    const auto states = open_state_directory(places_);
    if (!states) return states.failure();
    if (auto written = NewFile(*enrolled, names->record).write(initial_state_file(), account); !written)
        return written;
    if (is_file(*states, names->record)) return Done{};  // which needs no new space
    return NewFile(*states, names->record).write(initial_state_file(), account);
}

Result<std::unique_ptr<HeldAccount>> FileStore::hold(const Account& account, HoldFor purpose) {
    if (purpose == HoldFor::pretence) return hold_nobody(places_, purpose);
    auto names = names_of(account, places_);
    if (!names) return names.failure();
    return hold_records(places_, account, *std::move(names), purpose);
}

Result<std::optional<PendingDevice>> FileStore::pending(const Account& account) const {
    const auto names = names_of(account, places_);
    if (!names) return names.failure();
    const auto directory = open_in_store(places_, pending_directory);
    if (!directory) return directory.failure();
    HostKeys keys(places_.key, places_.owner);
    const auto text = read_sealed(*directory, names->record, account, keys);
    if (!text || !*text) return std::optional<PendingDevice>();
    return parse_pending((*text)->text());
}

Result<Done> FileStore::keep_pending(const Account& account, const PendingDevice& pending) const {
    const auto names = names_of(account, places_);
    if (!names) return names.failure();
    const auto directory = open_in_store(places_, pending_directory);
    if (!directory) return directory.failure();
    const auto lock = share(*directory);
    if (!lock) return lock.failure();
    const auto key = HostKey::read(places_.key, places_.owner);
    if (!key) return key.failure();
    const auto sealed = key->seal(account.name, format_pending(pending));
    if (!sealed) return sealed.failure();
    NewFile file(*directory, names->record);
    if (auto written = file.write(*sealed, account); !written) return written;
    return file.publish(NewFile::Over::record);
}

Result<Done> FileStore::prepare(std::optional<gid_t> group) {
    constexpr mode_t search_only = 0710;
    constexpr mode_t add_but_not_take_away = 01770;
    for (const auto& [path, mode] :
         {std::pair(places_.store, search_only),
          std::pair(places_.store + "/enrolled", add_but_not_take_away),
          std::pair(places_.store + "/" + pending_directory, add_but_not_take_away),
          std::pair(places_.state, add_but_not_take_away)}) {
        if (auto made = make_directory(path, group, mode); !made) return made;
    }
    if (auto made = make_key_once(places_, group); !made) return made;
    if (geteuid() == places_.owner && !hold({}, HoldFor::pretence))
        static_cast<void>(make_pretence(places_));  // where that fails an enrolment will, and says why
    return Done{};
}

}  // namespace totp
