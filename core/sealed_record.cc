#include "core/sealed_record.h"

#include <cerrno>

namespace totp {
namespace {

/// How often a record is looked at that no key opens: record and keys may be replaced between the looks at
/// them, but not again and again.
constexpr int looks = 3;

/// What was sealed, under the host key or the one that is to take its place.
Result<SecretBytes> unseal(const Account& account, const SecretBytes& sealed, const std::string& path,
                           HostKeys& keys) {
    const auto key = keys.host();
    if (!key) return key.failure();
    auto text = (*key)->unseal(account.name, sealed.text());
    if (!text && text.failure().trouble == Trouble::key) {
        const auto next = keys.next();
        if (!next) return next.failure();
        if (*next) text = (*next)->unseal(account.name, sealed.text());
    }
    if (!text) return damaged(path, text.failure(), account);
    return text;
}

Result<std::optional<SecretBytes>> look(const Directory& directory, const std::string& record,
                                        const Account& account, HostKeys& keys) {
    const auto path = directory.path + "/" + record;
    const auto file = open_record(directory, record, account);
    if (!file) return file.failure();
    if (!*file) return std::optional<SecretBytes>();
    SecretBytes sealed;
    if (read_whole(*file, longest_sealed_record, sealed) != 0) {
        return store_failure("%1 can't be read: %2", path, errno);
    }
    auto text = unseal(account, sealed, path, keys);
    if (!text) return text.failure();
    return std::optional(*std::move(text));
}

}  // namespace

Result<const HostKey*> HostKeys::host() {
    if (!host_) {
        auto read = HostKey::read(file_, owner_);
        if (!read) return read.failure();
        host_ = *std::move(read);
    }
    return &*host_;
}

Result<std::optional<SecretBytes>> read_sealed(const Directory& directory, const std::string& record,
                                               const Account& account, HostKeys& keys) {
    auto text = look(directory, record, account, keys);
    for (int i = 1; i < looks && !text && text.failure().trouble == Trouble::key; ++i) {
        keys.forget();
        text = look(directory, record, account, keys);
    }
    return text;
}

}  // namespace totp
