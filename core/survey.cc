#include "core/survey.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <span>
#include <vector>

#include "core/account_records.h"

namespace totp {
namespace {

/// How often records are looked at that contradict each other: one may have been changed between the looks at
/// them, but not again and again.
constexpr int looks = 3;

constexpr uid_t root = 0;

/// How many accounts are read before the witness is told of them.
constexpr std::size_t batch_size = 64;

struct Seen {
    Account account;
    Result<AccountRecords> records;
};

class Surveyor {
  public:
    Surveyor(const FileStorePlaces& places, const Directory& enrolled, const Directory& states,
             MissingState missing_state, UnixTime now)
        : places_(places), enrolled_(enrolled), states_(states), missing_state_(missing_state), now_(now) {}

    /// Of each account that has a record in `directory`, but none in `other`.
    Result<Done> run(const Directory& directory, const Directory* other, const SurveyWitness& witness) const;

  private:
    /// What all of these hold, read by two threads.
    Result<std::vector<Seen>> see_all(std::span<const std::string> records, const Directory* other) const;
    Result<std::vector<Seen>> see_each(std::span<const std::string> records, const Directory* other) const;
    Result<std::optional<Seen>> see(const std::string& record, const Directory* other) const;
    Result<AccountRecords> look_again(const std::string& record, const Account& account) const;
    /// First the enrolment: who adds a device writes its state before.
    Result<AccountRecords> look(const std::string& record, const Account& account) const;
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

/// The next names of `listing`; none after the last.
Result<std::vector<std::string>> next_batch(RecordListing& listing) {
    std::vector<std::string> batch;
    batch.reserve(batch_size);
    while (batch.size() < batch_size) {
        auto record = listing.next();
        if (!record) return record.failure();
        if (!*record) break;
        batch.push_back(**std::move(record));
    }
    return batch;
}

Result<Done> Surveyor::run(const Directory& directory, const Directory* other,
                           const SurveyWitness& witness) const {
    auto listing = RecordListing::open(directory.path);
    if (!listing) return listing.failure();
    for (;;) {
        const auto batch = next_batch(*listing);
        if (!batch) return batch.failure();
        if (batch->empty()) return Done{};
        const auto all_seen = see_all(*batch, other);
        if (!all_seen) return all_seen.failure();
        for (const auto& [account, records] : *all_seen) witness(account, records);
    }
}

Result<std::vector<Seen>> Surveyor::see_all(std::span<const std::string> records,
                                            const Directory* other) const {
    const auto half = records.size() / 2;
    auto of_others = std::async([&] { return see_each(records.subspan(half), other); });
    auto seen = see_each(records.first(half), other);
    auto rest = of_others.get();
    if (!rest) return rest;
    if (seen) std::ranges::move(*rest, std::back_inserter(*seen));
    return seen;
}

Result<std::vector<Seen>> Surveyor::see_each(std::span<const std::string> records,
                                             const Directory* other) const {
    std::vector<Seen> all;
    all.reserve(batch_size);
    for (const auto& record : records) {
        auto seen = see(record, other);
        if (!seen) return seen.failure();
        if (*seen) all.push_back(**std::move(seen));
    }
    return all;
}

Result<std::optional<Seen>> Surveyor::see(const std::string& record, const Directory* other) const {
    const auto user = user_of(record);
    if (!user) return std::optional<Seen>();
    const auto elsewhere = other != nullptr ? owner_of(*other, record) : Result(std::optional<uid_t>());
    if (!elsewhere) return elsewhere.failure();
    if (*elsewhere) return std::optional<Seen>();
    const auto owner = owner_in_either(enrolled_, states_, record);
    if (!owner) return owner.failure();
    const Account account{*user, *owner};
    return std::optional(Seen{account, look_again(record, account)});
}

Result<AccountRecords> Surveyor::look_again(const std::string& record, const Account& account) const {
    auto records = look(record, account);
    for (int i = 1; i < looks && !records; ++i) records = look(record, account);
    return records;
}

Result<AccountRecords> Surveyor::look(const std::string& record, const Account& account) const {
    const auto names = names_of_record(record, places_);
    auto enrolment = read_enrolment(enrolled_, names, account, places_);
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
