// What an app exports is an URI for each key: each that is accepted can be kept as a key URI.
#include "enroll/foreign/migration_uri.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto migration = totp::parse_migration_uri(as_text(data, size));
    if (!migration) return 0;
    promise(!migration->keys.empty() && migration->part >= 1 && migration->parts >= 1);
    for (const auto& key : migration->keys) {
        const auto again = totp::parse_key_uri(totp::format_key_uri({key.credential, "", "phone"}).text());
        promise(again && again->credential == key.credential);
    }
    return 0;
}
