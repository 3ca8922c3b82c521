#include "core/account_records.h"

#include <cerrno>
#include <cstring>

#include "core/shell_words.h"

namespace totp {

RecordNames names_of_record(const std::string& record, const FileStorePlaces& places) {
    return {record, places.store + "/enrolled/" + record, places.state + "/" + record};
}

Result<std::optional<Enrolment>> read_enrolment(const Directory& enrolled, const RecordNames& names,
                                                const Account& account, HostKeys& keys) {
    const auto text = read_sealed(enrolled, names.record, account, keys);
    if (!text) return text.failure();
    if (!*text) return std::optional<Enrolment>();
    auto enrolment = parse_enrolment((*text)->text());
    if (!enrolment) return damaged(names.enrolled, enrolment.failure(), account);
    return std::optional<Enrolment>(*std::move(enrolment));
}

Result<LoginState> read_state(const Descriptor& file, const RecordNames& names, const Account& account) {
    if (auto failure = distrust_record(file, names.state, account)) return *failure;
    SecretBytes content;
    if (read_whole(file, sizeof(SlotPair), content) != 0)
        return store_failure("%1 can't be read: %2", names.state, errno);
    if (content.size() != sizeof(SlotPair)) {
        return damaged(names.state, {Trouble::store, tr("isn't 4096 bytes long")}, account);
    }

    SlotPair slots;
    std::memcpy(slots.data(), content.data(), sizeof slots);
    auto state = newest(slots);
    if (!state) {
        return damaged(names.state,
                       {Trouble::store, tr("is damaged or of a version this program doesn't know")}, account);
    }
    return *std::move(state);
}

std::optional<Failure> refuse_lost_state(const Enrolment& enrolment, const LoginState* state,
                                         const RecordNames& names, const Account& account) {
    if (state == nullptr) {
        return store_failure(tr(
            "%1 is missing, so codes that were spent would count again: run totp-enroll remove --user %2 and "
            "enrol again, or see missing_state in pam_totp.conf(5)",
            {names.state, shell_word(account.name)}));
    }
    if (const auto* device = device_without_state(enrolment, *state)) {
        return store_failure(tr(
            "%1 knows nothing of the device %2, so codes that were spent would count again: run totp-enroll "
            "remove --user %3 and enrol again, or see missing_state in pam_totp.conf(5)",
            {names.state, device->name, shell_word(account.name)}));
    }
    return std::nullopt;
}

}  // namespace totp
