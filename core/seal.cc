#include "core/seal.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/aes_gcm.h"
#include "core/base64.h"
#include "core/descriptor.h"
#include "core/flaw.h"
#include "core/hexadecimal.h"
#include "core/otp.h"
#include "core/random.h"

namespace totp {
namespace {

constexpr std::string_view heading = "pam-totp-enrolment 1 ";
constexpr std::string_view key_id_message = "pam-totp host key";

Failure key_failure(Sentence message) { return {Trouble::key, std::move(message)}; }

/// As store_failure() of core/record_file.
Failure key_failure(const char* english, const std::string& file, int error) {
    return key_failure(tr(english, {file, Sentence::of_error(error)}));
}

// ---- files

std::string parent_of(const std::string& path) {
    const auto end = path.rfind('/');
    return end == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(end, 1));
}

bool is_in_memory(const std::string& path) {
    struct statfs status {};
    return statfs(path.c_str(), &status) == 0 &&
           (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

Result<Done> make_name_durable(const std::string& path) {
    const Descriptor directory(open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.number()) != 0)
        return key_failure("the host key %1 can't be written: %2", path, errno);
    return Done{};
}

/// Who may read a key's file; without owner and group the caller and theirs.
struct Access {
    uid_t owner = static_cast<uid_t>(-1);
    gid_t group = static_cast<gid_t>(-1);
    mode_t mode = 0600;
};

/// To a file that isn't there yet.
Result<Done> write_new(const std::string& path, const SecretBytes& key, const Access& access) {
    const auto suffix = random_bytes(8);
    if (!suffix) return suffix.failure();
    // A crash must not leave half a key under the key's name.
    const auto unfinished = path + ".new-" + hexadecimal(suffix->octets());
    const Descriptor file(
        open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return key_failure("the host key %1 can't be made: %2", path, errno);
    const auto refuse = [&](const Sentence& sentence) {
        unlink(unfinished.c_str());
        return key_failure(sentence);
    };
    const Access callers;
    if ((access.owner != callers.owner || access.group != callers.group) &&
        fchown(file.number(), access.owner, access.group) != 0) {
        return refuse(tr("the host key %1 can't be given to its owner and group: %2",
                         {path, Sentence::of_error(errno)}));
    }
    if (access.mode != callers.mode && fchmod(file.number(), access.mode) != 0) {
        return refuse(
            tr("the host key %1 can't be opened to its group: %2", {path, Sentence::of_error(errno)}));
    }
    if (write_whole(file, key.text(), 0) != 0 || fsync(file.number()) != 0)
        return refuse(tr("the host key %1 can't be written: %2", {path, Sentence::of_error(errno)}));
    if (rename_to_new(AT_FDCWD, unfinished.c_str(), path.c_str()) != 0) {
        return refuse(tr("the host key %1 can't be put in place: %2", {path, Sentence::of_error(errno)}));
    }
    return make_name_durable(path);
}

// ---- what is sealed

/// What the box is authenticated with: its heading line, then the user's name.
std::string binding(std::string_view heading_line, std::string_view user) {
    return std::string(heading_line) + "\n" + std::string(user);
}

}  // namespace

std::string next_key(const std::string& file) { return file + ".next"; }

Result<HostKey> HostKey::read(const std::string& path, uid_t owner) {
    auto key = find(path, owner);
    if (!key) return key.failure();
    if (!*key) {
        return key_failure(
            tr("the host key %1 is missing: bring it back from a backup; without one see "
               "pam-totp-emergency(7)",
               {path}));
    }
    return **std::move(key);
}

Result<std::optional<HostKey>> HostKey::find(const std::string& path, uid_t owner) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file && errno == ENOENT) return std::optional<HostKey>();
    if (!file) return key_failure("the host key %1 can't be read: %2", path, errno);
    struct stat status {};
    if (fstat(file.number(), &status) != 0)
        return key_failure("the host key %1 can't be examined: %2", path, errno);
    if (const auto flaw = flaw_of_key({status.st_mode, status.st_nlink, status.st_uid}, owner))
        return key_failure(sentence_about(tr("the host key %1", {path}), *flaw));
    SecretBytes key;
    if (read_whole(file, aes_key_size, key) != 0)
        return key_failure("the host key %1 can't be read: %2", path, errno);
    if (key.size() != aes_key_size) {
        return key_failure(
            tr("the host key %1 isn't 32 bytes long: bring the right one back from a backup", {path}));
    }
    return std::optional(HostKey(std::move(key)));
}

Result<Done> HostKey::create(const std::string& path, std::optional<gid_t> group) {
    const auto parent = parent_of(path);
    const bool is_directory_new = mkdir(parent.c_str(), 0700) == 0;
    if (is_directory_new ? chmod(parent.c_str(), 0755) != 0 : errno != EEXIST) {
        return key_failure("the host key %1 can't be made, nor its directory: %2", path, errno);
    }
    const auto key = generate();
    if (!key) return key.failure();
    return write_new(path, key->key_, group ? Access{.group = *group, .mode = 0640} : Access{});
}

Result<HostKey> HostKey::generate() {
    auto key = random_bytes(aes_key_size);
    if (!key) return key.failure();
    return HostKey(*std::move(key));
}

std::optional<HostKey> HostKey::of(SecretBytes octets) {
    if (octets.size() != aes_key_size) return std::nullopt;
    return HostKey(std::move(octets));
}

Result<Done> HostKey::save(const std::string& file) const { return write_new(file, key_, {}); }

Result<Done> HostKey::save_beside(const std::string& file) const {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0)
        return key_failure("the host key %1 can't be examined: %2", file, errno);
    return write_new(next_key(file), key_,
                     {.owner = status.st_uid, .group = status.st_gid, .mode = status.st_mode & ALLPERMS});
}

Result<Done> HostKey::put_next_in_place(const std::string& file) {
    if (renameat2(AT_FDCWD, next_key(file).c_str(), AT_FDCWD, file.c_str(), 0) != 0) {
        return key_failure(tr("the host key %1 can't be put in the place of %2: %3",
                              {next_key(file), file, Sentence::of_error(errno)}));
    }
    return make_name_durable(file);
}

std::optional<Failure> HostKey::refuse_replacement(const std::string& file, const std::string& store,
                                                   bool is_kept) {
    struct stat status {};
    if (lstat(file.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
        return key_failure(
            tr("the host key %1 is a symbolic link: name the file itself, with key in pam_totp.conf or --key",
               {file}));
    }
    if (!is_kept && is_in_memory(parent_of(file)) && !is_in_memory(store)) {
        return key_failure(
            tr("the host key %1 lies in memory, and a new one would be gone at the next boot: put that where "
               "this one comes from first, then give it with --key-from (see pam_totp(8))",
               {file}));
    }
    return std::nullopt;
}

Result<Done> HostKey::give_to(const std::string& path, std::optional<gid_t> group) {
    if (!group) return Done{};
    const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status {};
    if (!file || fstat(file.number(), &status) != 0) return Done{};
    const bool is_the_callers_alone = S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                                      status.st_gid == getegid() && (status.st_mode & ALLPERMS) == 0600;
    if (!is_the_callers_alone) return Done{};
    if (fchown(file.number(), static_cast<uid_t>(-1), *group) != 0 || fchmod(file.number(), 0640) != 0) {
        return key_failure("the host key %1 can't be given to its group: %2", path, errno);
    }
    return Done{};
}

std::string HostKey::id() const {
    const KeyedHash hash(key_.octets(), Algorithm::sha256);
    return hexadecimal(hash.fingerprint(SecretBytes(key_id_message).octets()));
}

Result<std::string> HostKey::seal(std::string_view user, const SecretBytes& plaintext) const {
    const auto nonce = random_bytes(gcm_nonce_size);
    if (!nonce) return nonce.failure();
    const auto heading_line = std::string(heading) + id();
    const auto box = encrypt(key_, *nonce, binding(heading_line, user), plaintext);
    return heading_line + "\n" + base64_encode(box) + "\n";
}

Result<SecretBytes> HostKey::unseal(std::string_view user, std::string_view sealed) const {
    const auto unreadable = [](const Sentence& clause) { return Failure{Trouble::store, clause}; };
    if (sealed.empty()) return unreadable(tr("is empty"));
    if (!sealed.starts_with(heading))
        return unreadable(tr("isn't an enrolment of a version this program knows"));
    const auto end = sealed.find('\n');
    if (end == std::string_view::npos || !sealed.ends_with('\n')) return unreadable(tr("is cut short"));
    const auto heading_line = sealed.substr(0, end);
    sealed = sealed.substr(end + 1, sealed.size() - end - 2);
    const auto box = base64_decode(sealed);
    if (!box) return unreadable(tr("is cut short or damaged"));
    auto plaintext = decrypt(key_, box->octets(), binding(heading_line, user));
    if (plaintext) return *std::move(plaintext);
    const auto key_id = heading_line.substr(heading.size());
    if (key_id != id()) return Failure{Trouble::key, tr("is sealed under a key that isn't this host's")};
    return unreadable(tr("is damaged, or was made for another user"));
}

}  // namespace totp
