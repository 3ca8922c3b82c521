#include "core/rekey.h"

#include <cerrno>

#include "core/percent.h"
#include "core/sealed_record.h"

namespace totp {
namespace {

/// The two keys there are.
struct Keys {
    HostKey host;
    HostKey next;
};

/// How many records were found how.
struct Tally {
    std::size_t under_next = 0;
    std::size_t sealed_anew = 0;
    std::vector<Sentence> left;
};

/// One time through a directory.
class Round {
  public:
    /// `is_alone`: the caller has the directory's lock. Else it is taken for each record, and only to put it
    /// in its place: there may be many records, and others want to change theirs.
    Round(const Directory& directory, const Keys& keys, bool is_alone)
        : directory_(directory), keys_(keys), is_alone_(is_alone) {}

    /// Fails where it can't go on. What it found wrong with a record stands in the tally.
    Result<Tally> run();

    /// Likewise for one record of that account.
    Result<Tally> run(const std::string& record, const Account& account);

  private:
    /// What a record holds.
    struct Opened {
        SecretBytes text;
        bool is_under_next;
    };

    Result<Done> seal(const std::string& record, const Account& account);
    Result<Opened> open(const Descriptor& file, const std::string& record, const Account& account) const;
    /// Whether `file` was still the record, to be replaced.
    Result<bool> replace(const Descriptor& file, const std::string& record, const Account& account,
                         const SecretBytes& text) const;
    Result<Done> leave(const Failure& failure);

    const Directory& directory_;
    const Keys& keys_;
    bool is_alone_;
    Tally tally_;
};

Result<DirectoryLock> be_alone(const Directory& directory) {
    return DirectoryLock::take(directory, Lock::exclusive, tr("totp-enroll or a login that enrols"));
}

Result<Tally> Round::run() {
    const auto records = records_in(directory_.path);
    if (!records) return records.failure();
    for (const auto& record : *records) {
        const auto account = account_of(directory_, record);
        if (!account) return account.failure();
        if (!*account) continue;
        if (auto sealed = seal(record, **account); !sealed) return sealed.failure();
    }
    if (auto durable = make_durable(directory_); !durable) return durable.failure();
    return tally_;
}

Result<Tally> Round::run(const std::string& record, const Account& account) {
    if (auto sealed = seal(record, account); !sealed) return sealed.failure();
    if (auto durable = make_durable(directory_); !durable) return durable.failure();
    return tally_;
}

Result<Done> Round::leave(const Failure& failure) {
    tally_.left.push_back(failure.message);
    return Done{};
}

Result<Done> Round::seal(const std::string& record, const Account& account) {
    for (;;) {
        const auto file = open_record(directory_, record, account);
        if (!file) return leave(file.failure());
        if (!*file) return Done{};
        const auto opened = open(*file, record, account);
        if (!opened) return leave(opened.failure());
        if (opened->is_under_next) {
            ++tally_.under_next;
            return Done{};
        }
        const auto replaced = replace(*file, record, account, opened->text);
        if (!replaced) return replaced.failure();
        if (*replaced) {
            ++tally_.sealed_anew;
            return Done{};
        }
    }
}

Result<Round::Opened> Round::open(const Descriptor& file, const std::string& record,
                                  const Account& account) const {
    const auto path = directory_.path + "/" + record;
    SecretBytes sealed;
    if (read_whole(file, longest_sealed_record, sealed) != 0)
        return store_failure("%1 can't be read: %2", path, errno);
    auto text = keys_.next.unseal(account.name, sealed.text());
    if (text) return Opened{*std::move(text), true};
    if (text.failure().trouble == Trouble::key) text = keys_.host.unseal(account.name, sealed.text());
    if (text) return Opened{*std::move(text), false};
    return damaged(path, text.failure(), account);
}

Result<bool> Round::replace(const Descriptor& file, const std::string& record, const Account& account,
                            const SecretBytes& text) const {
    const auto sealed = keys_.next.seal(account.name, text);
    if (!sealed) return sealed.failure();
    NewFile anew(directory_, record);
    if (auto written = anew.write(*sealed, account); !written) return written.failure();
    std::optional<DirectoryLock> lock;
    if (!is_alone_) {
        auto taken = be_alone(directory_);
        if (!taken) return taken.failure();
        lock.emplace(*std::move(taken));
    }
    if (!is_still(file, directory_, record)) return false;
    if (auto placed = anew.put_in_place(NewFile::Over::record); !placed) return placed.failure();
    return true;
}

/// The key to go on with: it lies in its file.
Result<HostKey> next_of(const FileStorePlaces& places, const HostKey& host,
                        const std::optional<HostKey>& given) {
    const auto file = next_key(places.key);
    auto next = HostKey::find(file, places.owner);
    if (!next) return next.failure();
    if (*next && given && given->id() != (*next)->id()) {
        return input_failure(
            tr("there are records under the key %1 already, and another is given: let "
               "totp-enroll rekey finish with that one first (without --key-from)",
               {file}));
    }
    if (*next) return **std::move(next);
    if (given && given->id() == host.id()) return *given;  // an earlier call was finished with it
    auto fresh = given ? Result<HostKey>(*given) : HostKey::generate();
    if (!fresh) return fresh;
    if (auto saved = fresh->save_beside(places.key); !saved) return saved.failure();
    return fresh;
}

/// To be called by who has the directories alone.
Result<Done> switch_keys(const FileStorePlaces& places, const Keys& keys) {
    if (keys.host.id() == keys.next.id()) return Done{};
    const auto host = HostKey::read(places.key, places.owner);
    if (!host) return host.failure();
    const auto next = HostKey::read(next_key(places.key), places.owner);
    if (!next) return next.failure();
    if (host->id() != keys.host.id() || next->id() != keys.next.id()) {
        return Failure{Trouble::key, tr("meanwhile the host key %1 or the next one was replaced: run "
                                        "totp-enroll rekey again",
                                        {places.key})};
    }
    return HostKey::put_next_in_place(places.key);
}

/// Keys that were shown and aren't confirmed are sealed anew too: those that can't be opened aren't worth a
/// word.
Result<Done> seal_pending_and_switch(const FileStorePlaces& places, const Keys& keys) {
    const auto pending = open_in_store(places, "pending");
    if (!pending) return switch_keys(places, keys);
    const auto alone = be_alone(*pending);
    if (!alone) return alone.failure();
    if (const auto sealed = Round(*pending, keys, true).run(); !sealed) return sealed.failure();
    return switch_keys(places, keys);
}

Result<Rekeyed> seal_everything(const FileStorePlaces& places, const Keys& keys) {
    const auto enrolled = open_in_store(places, "enrolled");
    if (!enrolled) return enrolled.failure();
    const auto first = Round(*enrolled, keys, false).run();
    if (!first) return first.failure();

    const auto alone = be_alone(*enrolled);
    if (!alone) return alone.failure();
    const auto last = Round(*enrolled, keys, true).run();
    if (!last) return last.failure();
    Rekeyed rekeyed{.key_id = keys.next.id(),
                    .enrolments = last->under_next + last->sealed_anew,
                    .sealed_anew = first->sealed_anew + last->sealed_anew,
                    .left = last->left};
    if (!rekeyed.is_done()) return rekeyed;
    const auto nobodys = Round(*enrolled, keys, true).run(nobodys_record, nobody(places));
    if (!nobodys) return nobodys.failure();  // a damaged one is made anew by prepare()
    if (auto switched = seal_pending_and_switch(places, keys); !switched) return switched.failure();
    return rekeyed;
}

}  // namespace

Result<Rekeyed> rekey(const FileStorePlaces& places, const std::optional<HostKey>& given) {
    if (auto refused = HostKey::refuse_replacement(places.key, places.store, given.has_value())) {
        return *refused;
    }
    const auto store = open_store_directory(places);
    if (!store) return store.failure();
    const auto only_one =
        DirectoryLock::take(*store, Lock::exclusive, tr("another totp-enroll rekey, or by bulk"));
    if (!only_one) return only_one.failure();
    const auto host = HostKey::read(places.key, places.owner);
    if (!host) return host.failure();
    const auto next = next_of(places, *host, given);
    if (!next) return next.failure();
    return seal_everything(places, {*host, *next});
}

}  // namespace totp
