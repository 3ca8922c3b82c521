#include "core/survey.h"

#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <vector>

#include "core/account_records.h"

namespace totp {
namespace {

/// How often records are looked at that contradict each other: one may have been changed between the looks at
/// them, but not again and again.
constexpr int looks = 3;

constexpr uid_t root = 0;

/// More than there are processors, for most of them wait for the disk where the records aren't in memory.
constexpr std::size_t threads = 8;

/// How many names a thread takes from the listing at once.
constexpr std::size_t batch_size = 64;

/// A listing that all threads go through, each taking names of its own.
class SharedListing {
  public:
    explicit SharedListing(RecordListing listing) : listing_(std::move(listing)) {}

    /// The next names; none after the last, nor once somebody has stopped.
    Result<std::vector<std::string>> next_batch();
    void stop() { is_stopped_ = true; }

  private:
    std::mutex mutex_;
    RecordListing listing_;
    std::atomic<bool> is_stopped_ = false;
};

Result<std::vector<std::string>> SharedListing::next_batch() {
    std::vector<std::string> batch;
    batch.reserve(batch_size);
    const std::scoped_lock lock(mutex_);
    while (batch.size() < batch_size && !is_stopped_) {
        auto record = listing_.next();
        if (!record) return record.failure();
        if (!*record) break;
        batch.push_back(**std::move(record));
    }
    return batch;
}

class Surveyor {
  public:
    Surveyor(const FileStorePlaces& places, const Directory& enrolled, const Directory& states,
             MissingState missing_state, UnixTime now)
        : places_(places), enrolled_(enrolled), states_(states), missing_state_(missing_state), now_(now) {}

    /// Of each account that has a record in `directory`, but none in `other`.
    Result<Done> run(const Directory& directory, const Directory* other, const SurveyWitness& witness) const;

  private:
    /// One thread's part of it, with keys that it reads once.
    Result<Done> go_through(SharedListing& listing, const Directory* other,
                            const SurveyWitness& witness) const;
    Result<Done> see(const std::string& record, const Directory* other, HostKeys& keys,
                     const SurveyWitness& witness) const;
    Result<AccountRecords> look_again(const std::string& record, const Account& account,
                                      HostKeys& keys) const;
    /// First the enrolment: who adds a device writes its state before.
    Result<AccountRecords> look(const std::string& record, const Account& account, HostKeys& keys) const;
    Result<std::optional<LoginState>> state_of(const RecordNames& names, const Account& account) const;

    const FileStorePlaces& places_;
    const Directory& enrolled_;
    const Directory& states_;
    MissingState missing_state_;
    UnixTime now_;
};

Result<uid_t> owner_in_either(const Directory& one, const Directory& other, const std::string& record) {
    for (const auto* directory : {&one, &other}) {
        const auto owner = owner_of(*directory, record);
        if (!owner) return owner.failure();
        if (*owner && **owner != root) return **owner;
    }
    return root;
}

Result<Done> Surveyor::run(const Directory& directory, const Directory* other,
                           const SurveyWitness& witness) const {
    auto opened = RecordListing::open(directory.path);
    if (!opened) return opened.failure();
    SharedListing listing(*std::move(opened));
    std::array<std::future<Result<Done>>, threads> parts;
    for (auto& part : parts)
        part = std::async(std::launch::async, [&] { return go_through(listing, other, witness); });
    Result<Done> all_gone = Done{};
    for (auto& part : parts) {
        if (auto gone = part.get(); !gone) all_gone = std::move(gone);
    }
    return all_gone;
}

Result<Done> Surveyor::go_through(SharedListing& listing, const Directory* other,
                                  const SurveyWitness& witness) const {
    struct Leaving {
        SharedListing& listing;
        ~Leaving() { listing.stop(); }
    } const leaving{listing};  // by a failure, an exception, or at the end, where it stops nobody
    HostKeys keys(places_.key, places_.owner);
    for (;;) {
        const auto batch = listing.next_batch();
        if (!batch) return batch.failure();
        if (batch->empty()) return Done{};
        for (const auto& record : *batch) {
            if (auto seen = see(record, other, keys, witness); !seen) return seen;
        }
    }
}

Result<Done> Surveyor::see(const std::string& record, const Directory* other, HostKeys& keys,
                           const SurveyWitness& witness) const {
    const auto user = user_of(record);
    if (!user) return Done{};
    const auto elsewhere = other != nullptr ? owner_of(*other, record) : Result(std::optional<uid_t>());
    if (!elsewhere) return elsewhere.failure();
    if (*elsewhere) return Done{};
    const auto owner = owner_in_either(enrolled_, states_, record);
    if (!owner) return owner.failure();
    const Account account{*user, *owner};
    witness(account, look_again(record, account, keys));
    return Done{};
}

Result<AccountRecords> Surveyor::look_again(const std::string& record, const Account& account,
                                            HostKeys& keys) const {
    auto records = look(record, account, keys);
    for (int i = 1; i < looks && !records; ++i) records = look(record, account, keys);
    return records;
}

Result<AccountRecords> Surveyor::look(const std::string& record, const Account& account,
                                      HostKeys& keys) const {
    const auto names = names_of_record(record, places_);
    auto enrolment = read_enrolment(enrolled_, names, account, keys);
    if (!enrolment) return enrolment.failure();
    auto state = state_of(names, account);
    if (!state) return state.failure();
    AccountRecords records{*std::move(enrolment), state->value_or(LoginState{})};
    if (!records.enrolment) return records;
    if (missing_state_ == MissingState::start_anew) {
        records.state = with_lost_devices_restarted(std::move(records.state), *records.enrolment, now_);
    } else if (auto lost =
                   refuse_lost_state(*records.enrolment, *state ? &**state : nullptr, names, account)) {
        return *std::move(lost);
    }
    return records;
}

Result<std::optional<LoginState>> Surveyor::state_of(const RecordNames& names, const Account& account) const {
    const auto file = open_record(states_, names.record, account);
    if (!file) return file.failure();
    if (!*file) return std::optional<LoginState>();
    auto state = read_state(*file, names, account);
    if (!state) return state.failure();
    return std::optional(*std::move(state));
}

}  // namespace

Result<Done> survey(const FileStorePlaces& places, MissingState missing_state, UnixTime now,
                    const SurveyWitness& witness) {
    const auto enrolled = open_in_store(places, "enrolled");
    if (!enrolled) return enrolled.failure();
    const auto states = open_state_directory(places);
    if (!states) return states.failure();
    const Surveyor surveyor(places, *enrolled, *states, missing_state, now);
    if (auto seen = surveyor.run(*enrolled, nullptr, witness); !seen) return seen;
    return surveyor.run(*states, &*enrolled, witness);
}

}  // namespace totp
