#include "enroll/bulk/register.h"

#include <ctime>

#include "core/hexadecimal.h"
#include "core/percent.h"

namespace totp {

// ---- in files

/// Doesn't wait for the account's lock where nothing is enrolled.
Result<std::optional<Enrolment>> RegisterInFiles::enrolment_of(const Account& account,
                                                               const LyingThere&) const {
    FileStore store(places_);
    const auto enrolled = store.is_enrolled(account);
    if (!enrolled) return enrolled.failure();
    if (!*enrolled) return std::optional<Enrolment>();
    const auto held = hold_by_settings(store, account, HoldFor::login, missing_state_, std::time(nullptr));
    if (!held) return held.failure();
    return (*held)->enrolment();
}

Result<bool> RegisterInFiles::enrol(const Account& account, const Fresh& fresh, const Begin& begin) const {
    const auto held = FileStore(places_).hold(account, HoldFor::change);
    if (!held) return held.failure();
    if ((*held)->enrolment()) return false;
    if (auto begun = begin(); !begun) return begun.failure();
    const Enrolment enrolment{{fresh.device}, fresh.recovery.hashes};
    auto state = without_strangers((*held)->state(), enrolment);
    state.devices = new_login_state(enrolment).devices;
    note_change(state, {.last = std::time(nullptr), .added_device = true});
    if (auto enrolled = (*held)->enrol(enrolment, std::move(state)); !enrolled) return enrolled.failure();
    return true;
}

Result<Ending> RegisterInFiles::enrolled_without_us(const Account& account) const {
    return input_failure(tr("%1 is enrolled already: nothing was changed", {printable(account.name)}));
}

// ---- in a database

namespace {

/// As PostgreSQL writes an array: of codes, which have nothing in them to be quoted.
SecretBytes array_of(const std::vector<SecretBytes>& codes) {
    SecretBytes text("{");
    for (const auto& code : codes) {
        if (text.size() > 1) text.append(",");
        text.append(code.text());
    }
    text.append("}");
    return text;
}

/// The key that next_step() asks about.
const KeyUri* key_in(const LyingThere& there) {
    const auto& text = there.handed ? there.handed : there.begun;
    return text && text->key ? &*text->key : nullptr;
}

}  // namespace

/// The database tells of a device by its id, and of no other; what it has beside it isn't ours.
Result<std::optional<Enrolment>> RegisterInDatabase::enrolment_of(const Account& account,
                                                                  const LyingThere& there) const {
    const auto* key = key_in(there);
    const auto id = key != nullptr ? device_id(key->credential) : "";
    const auto facts = database_.order("has_device", {value_of(account.name), value_of(id)});
    if (!facts) return facts.failure();
    if (facts->size() == 1 && !facts->front()) return std::optional<Enrolment>();
    if (says(*facts, "f")) return std::optional(Enrolment{});
    if (says(*facts, "t") && key != nullptr)
        return std::optional(Enrolment{{Device("ours", key->credential)}, {}});
    return senseless(account.name);
}

Result<bool> RegisterInDatabase::enrol(const Account& account, const Fresh& fresh, const Begin& begin) const {
    if (auto begun = begin(); !begun) return begun.failure();
    const auto& device = fresh.device;
    const auto facts = database_.order(
        "enrol", {value_of(account.name), value_of(device.name),
                  value_of(hexadecimal(device.credential.secret.octets())), array_of(fresh.recovery.codes)});
    if (!facts) return facts.failure();
    if (says(*facts, "t")) return true;
    if (says(*facts, "f")) return false;
    return senseless(account.name);
}

}  // namespace totp
