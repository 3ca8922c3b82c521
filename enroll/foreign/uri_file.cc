#include "enroll/foreign/uri_file.h"

#include "enroll/foreign/lines.h"
#include "enroll/foreign/migration_uri.h"

namespace totp {
namespace {

ForeignDevice device_of(KeyUri key) {
    ForeignDevice device{.credential = std::move(key.credential)};
    device.next = device.credential.counter;
    note_short_secret(device);
    return device;
}

Result<std::vector<ForeignDevice>> devices_in(std::string_view uri) {
    if (!uri.starts_with(migration_scheme)) {
        auto key = parse_key_uri(uri);
        if (!key) return key.failure();
        return std::vector{device_of(*std::move(key))};
    }
    auto migration = parse_migration_uri(uri);
    if (!migration) return migration.failure();
    std::vector<ForeignDevice> devices;
    for (auto& key : migration->keys) devices.push_back(device_of(std::move(key)));
    if (migration->parts > 1) {
        devices.back().notes.push_back(tr("this was part %1 of %2", {migration->part, migration->parts}));
    }
    return devices;
}

}  // namespace

Result<std::vector<ForeignDevice>> parse_uri_file(std::string_view text) {
    std::vector<ForeignDevice> all;
    for (const auto& line : lines_of(text)) {
        const auto uri = without_blanks(line.text);
        if (uri.empty() || uri.starts_with('#')) continue;
        auto devices = devices_in(uri);
        if (!devices) return wrong_line(line.number, devices.failure().message);
        for (auto& device : *devices) all.push_back(std::move(device));
    }
    if (all.empty()) return input_failure(tr("has no URI in it"));
    return all;
}

}  // namespace totp
