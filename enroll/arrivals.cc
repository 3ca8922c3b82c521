#include "enroll/arrivals.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <pwd.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"
#include "enroll/foreign/google_authenticator_file.h"
#include "enroll/foreign/oath_users_file.h"
#include "enroll/foreign/uri_file.h"
#include "enroll/foreign_file.h"

namespace totp {
namespace {

constexpr const char* google_file = ".google_authenticator";
constexpr std::size_t longest_uri_file = 262'144;
constexpr std::size_t longest_users_file = 16'777'216;
constexpr uid_t root = 0;

/// A clause about the file's content, behind its name.
Failure about(const std::string& path, const Failure& failure) {
    return {failure.trouble, tr("%1 %2", {printable_path(path), failure.message})};
}

/// Stdin, where the path is "-", is trusted as far as whoever gave it is.
Result<ForeignFile> file_at(const std::string& path, std::size_t limit) {
    if (path != "-") return read_foreign_file(path, limit);
    ForeignFile file;
    if (read_whole(Descriptor(dup(STDIN_FILENO)), limit, file.text) != 0 || file.text.size() > limit)
        return input_failure(tr("stdin can't be read whole: %1", {Sentence::of_error(errno)}));
    return file;
}

std::string name_of_file(const std::string& path) { return path == "-" ? "stdin" : path; }

// ---- ~/.google_authenticator

HomeOwner owner_in(const passwd& entry) {
    return {.account = {entry.pw_name, entry.pw_uid}, .group = entry.pw_gid, .home = entry.pw_dir};
}

std::vector<HomeOwner> all_home_owners() {
    std::vector<HomeOwner> owners;
    setpwent();
    while (const auto* entry = getpwent()) owners.push_back(owner_in(*entry));
    endpwent();
    return owners;
}

Arrival google_arrival(const std::string& user, const std::string& path, const SecretBytes& text) {
    auto device = parse_google_authenticator_file(text.text());
    if (!device) return {user, path, about(path, device.failure())};
    return {user, path, std::vector{*std::move(device)}};
}

/// Nothing where there is no such file.
std::optional<Arrival> google_file_in(const HomeOwner& owner) {
    const auto path = owner.home + "/" + google_file;
    auto file = read_in_home(owner, google_file, longest_google_authenticator_file);
    if (!file) return Arrival{owner.account.name, path, file.failure()};
    if (!*file) return std::nullopt;
    return google_arrival(owner.account.name, path, (*file)->text);
}

Result<std::string> owner_of(const ForeignFile& file, const std::string& path) {
    if (file.owner == root)
        return input_failure(tr("%1 is root's: say whose it is, --user NAME", {printable_path(path)}));
    const auto* entry = getpwuid(file.owner);
    if (entry != nullptr) return std::string(entry->pw_name);
    return input_failure(tr("%1 is of uid %2, who has no account: say whose it is, --user NAME",
                            {printable_path(path), file.owner}));
}

// ---- a users file

std::optional<UnixTime> from_local_time(std::tm moment) {
    const auto time = std::mktime(&moment);
    return time == -1 ? std::nullopt : std::optional<UnixTime>(time);
}

/// Adds a line's device to its account's, or its failure in place of them.
void gather(std::vector<Arrival>& arrivals, const std::string& path, OathUser user, Accounts accounts) {
    auto arrival = std::ranges::find(arrivals, user.name, &Arrival::user);
    if (arrival == arrivals.end()) {
        arrivals.push_back({user.name, path, std::vector<ForeignDevice>()});
        arrival = std::prev(arrivals.end());
    }
    if (!arrival->devices) return;
    if (!user.device) {
        arrival->devices = about(path, user.device.failure());
    } else if (accounts == Accounts::of_this_machine && getpwnam(user.name.c_str()) == nullptr) {
        arrival->devices = input_failure(tr("%1 line %2 is of %3, who has no account here: see getent passwd",
                                            {printable_path(path), user.line, printable(user.name)}));
    } else {
        arrival->devices->push_back(*std::move(user.device));
    }
}

}  // namespace

std::vector<Arrival> google_files_of_all() {
    std::vector<Arrival> arrivals;
    for (const auto& owner : all_home_owners()) {
        if (auto arrival = google_file_in(owner)) arrivals.push_back(*std::move(arrival));
    }
    return arrivals;
}

Arrival google_file_of(const std::string& user) {
    const auto* entry = getpwnam(user.c_str());
    if (entry == nullptr) {
        return {user, google_file,
                input_failure(
                    tr("--user %1 isn't an account of this machine: see getent passwd", {printable(user)}))};
    }
    const auto owner = owner_in(*entry);
    if (auto arrival = google_file_in(owner)) return *std::move(arrival);
    return {user, google_file,
            input_failure(tr("%1 has no %2: name the file", {printable_path(owner.home), google_file}))};
}

Arrival google_file_at(const std::string& path, const std::string& user) {
    auto file = file_at(path, longest_google_authenticator_file);
    if (!file) return {user, path, file.failure()};
    if (!user.empty()) return google_arrival(user, name_of_file(path), file->text);
    const auto owner = owner_of(*file, path);
    if (!owner) return {user, path, owner.failure()};
    return google_arrival(*owner, path, file->text);
}

std::vector<Arrival> oath_users_at(const std::string& path, const std::string& user, Accounts accounts) {
    const auto from = name_of_file(path);
    auto file = file_at(path, longest_users_file);
    if (!file) return {{user, from, file.failure()}};
    std::vector<Arrival> arrivals;
    for (auto& each : parse_oath_users_file(file->text.text(), from_local_time)) {
        if (user.empty() || each.name == user) gather(arrivals, from, std::move(each), accounts);
    }
    if (arrivals.empty()) {
        const auto sentence = user.empty()
                                  ? tr("%1 has no line of anybody", {printable_path(from)})
                                  : tr("%1 has no line of %2", {printable_path(from), printable(user)});
        arrivals.push_back({user, from, input_failure(sentence)});
    }
    return arrivals;
}

Arrival uris_at(const std::string& path, const std::string& user) {
    const auto from = name_of_file(path);
    auto file = file_at(path, longest_uri_file);
    if (!file) return {user, from, file.failure()};
    auto devices = parse_uri_file(file->text.text());
    if (!devices) return {user, from, about(from, devices.failure())};
    return {user, from, *std::move(devices)};
}

}  // namespace totp
