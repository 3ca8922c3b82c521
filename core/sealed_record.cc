#include "core/sealed_record.h"

#include <cerrno>

namespace totp {
namespace {

/// How often a record is looked at that no key opens: record and keys may be replaced between the looks at
/// them, but not again and again.
constexpr int looks = 3;

/// What was sealed, under the host key or the one that is to take its place.
Result<SecretBytes> unseal(const Account& account, const SecretBytes& sealed, const std::string& path,
                           const std::string& key_file, uid_t key_owner) {
    const auto key = HostKey::read(key_file, key_owner);
    if (!key) return key.failure();
    auto text = key->unseal(account.name, sealed.text());
    if (!text && text.failure().trouble == Trouble::key) {
        const auto next = HostKey::find(next_key(key_file), key_owner);
        if (!next) return next.failure();
        if (*next) text = (*next)->unseal(account.name, sealed.text());
    }
    if (!text) return damaged(path, text.failure(), account);
    return text;
}

Result<std::optional<SecretBytes>> look(const Directory& directory, const std::string& record,
                                        const Account& account, const std::string& key_file,
                                        uid_t key_owner) {
    const auto path = directory.path + "/" + record;
    const auto file = open_record(directory, record, account);
    if (!file) return file.failure();
    if (!*file) return std::optional<SecretBytes>();
    SecretBytes sealed;
    if (read_whole(*file, longest_sealed_record, sealed) != 0) {
        return store_failure("%1 can't be read: %2", path, errno);
    }
    auto text = unseal(account, sealed, path, key_file, key_owner);
    if (!text) return text.failure();
    return std::optional(*std::move(text));
}

}  // namespace

Result<std::optional<SecretBytes>> read_sealed(const Directory& directory, const std::string& record,
                                               const Account& account, const std::string& key_file,
                                               uid_t key_owner) {
    auto text = look(directory, record, account, key_file, key_owner);
    for (int i = 1; i < looks && !text && text.failure().trouble == Trouble::key; ++i) {
        text = look(directory, record, account, key_file, key_owner);
    }
    return text;
}

}  // namespace totp
