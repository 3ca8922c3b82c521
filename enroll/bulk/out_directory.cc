#include "enroll/bulk/out_directory.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"
#include "enroll/bulk/hand_over.h"

namespace totp {
namespace {

constexpr std::size_t longest_text = 65'536;
constexpr mode_t for_root_alone = 0700;
constexpr uid_t root = 0;

/// No record's name begins with a dot.
std::string begun(const std::string& name) { return "." + name; }

/// As input_failure(), of errno.
Failure path_failure(const char* english, const std::string& path) {
    return input_failure(english, printable_path(path), errno);
}

Failure unopened(const std::string& option) {
    if (errno != ENOTDIR && errno != ELOOP) return path_failure("%1 can't be opened: %2", option);
    return input_failure(
        tr("%1 isn't a directory: name the directory itself, not a link to it", {printable_path(option)}));
}

std::optional<Failure> distrust(const Descriptor& directory, const std::string& option) {
    struct stat status {};
    if (fstat(directory.number(), &status) != 0) return path_failure("%1 can't be examined: %2", option);
    if (status.st_uid != root) {
        return input_failure(
            tr("%1 isn't root's: name a directory that is missing", {printable_path(option)}));
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return input_failure(
            tr("%1 is open to others, and would hold everybody's keys: chmod go= on it, or name another",
               {printable_path(option)}));
    }
    return std::nullopt;
}

/// So that it is there after a power cut too.
bool is_durable(const Descriptor& directory) {
    const Descriptor parent(openat(directory.number(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return parent && fsync(parent.number()) == 0;
}

}  // namespace

Result<OutDirectory> OutDirectory::open(const std::string& path) {
    if (mkdir(path.c_str(), for_root_alone) != 0 && errno != EEXIST)
        return path_failure("%1 can't be made: %2", "--out " + path);
    auto whole = path;  // a slash at its end would follow a link
    while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
    Directory directory{whole,
                        Descriptor(::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))};
    if (!directory.descriptor) return unopened("--out " + whole);
    if (auto failure = distrust(directory.descriptor, "--out " + whole)) return *failure;
    if (!is_durable(directory.descriptor))
        return path_failure("%1 can't be made durable: %2", "--out " + whole);
    auto lock = DirectoryLock::take(directory, Lock::exclusive, tr("another totp-enroll bulk"));
    if (!lock) return input_failure(tr("--out %1", {lock.failure().message}));
    return OutDirectory(std::move(directory), *std::move(lock));
}

std::string OutDirectory::path_of_text(const std::string& record) const {
    return directory_.path + "/" + name_of_text(record);
}

std::string OutDirectory::path_of_picture(const std::string& record) const {
    return directory_.path + "/" + name_of_picture(record);
}

Result<std::optional<LyingText>> OutDirectory::text_called(const std::string& name) const {
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const Descriptor file(openat(directory_.number(), name.c_str(), flags));
    if (!file && errno == ENOENT) return std::optional<LyingText>();
    SecretBytes text;
    if (!file || read_whole(file, longest_text, text) != 0)
        return path_failure("%1 can't be read: %2", directory_.path + "/" + name);
    return std::optional(LyingText{key_in_hand_over(text.text()), recovery_codes_in_hand_over(text.text())});
}

bool OutDirectory::has(const std::string& name) const {
    struct stat status {};
    return fstatat(directory_.number(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<LyingThere> OutDirectory::what_lies_there(const std::string& record) const {
    auto handed = text_called(name_of_text(record));
    if (!handed) return handed.failure();
    auto has_begun = text_called(begun(name_of_text(record)));
    if (!has_begun) return has_begun.failure();
    const auto picture = name_of_picture(record);
    return LyingThere{*std::move(has_begun), *std::move(handed), has(picture), has(begun(picture))};
}

Result<Done> OutDirectory::write(const std::string& name, const SecretBytes& content) const {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    if (auto removed = remove(name); !removed) return removed;
    const auto path = directory_.path + "/" + name;
    const Descriptor file(openat(directory_.number(), name.c_str(), flags, S_IRUSR | S_IWUSR));
    if (!file) return path_failure("%1 can't be made: %2", path);
    if (write_whole(file, content.text(), 0) == 0 && fsync(file.number()) == 0) return Done{};
    auto failure = path_failure("%1 can't be written: %2", path);
    unlinkat(directory_.number(), name.c_str(), 0);
    return failure;
}

Result<Done> OutDirectory::begin_picture(const std::string& record, const SecretBytes& picture) const {
    if (auto written = write(begun(name_of_picture(record)), picture); !written) return written;
    return make_durable();
}

Result<Done> OutDirectory::begin(const std::string& record, const SecretBytes& text,
                                 const SecretBytes& picture) const {
    if (auto removed = remove(begun(name_of_picture(record))); !removed) return removed;
    if (auto written = write(begun(name_of_text(record)), text); !written) return written;
    return begin_picture(record, picture);
}

Result<Done> OutDirectory::rename(const std::string& from, const std::string& to) const {
    const int number = directory_.number();
    if (renameat2(number, from.c_str(), number, to.c_str(), 0) == 0) return Done{};
    return path_failure("%1 can't be put in place: %2", directory_.path + "/" + to);
}

Result<Done> OutDirectory::finish(const std::string& record) const {
    const auto picture = name_of_picture(record);
    if (auto renamed = rename(begun(picture), picture); !renamed) return renamed;
    return rename(begun(name_of_text(record)), name_of_text(record));
}

/// To unlink waits for all who make a file there, even a name that isn't: so it is looked up first.
Result<Done> OutDirectory::remove(const std::string& name) const {
    if (!has(name) || unlinkat(directory_.number(), name.c_str(), 0) == 0 || errno == ENOENT) return Done{};
    return path_failure("%1 can't be removed: %2", directory_.path + "/" + name);
}

Result<Done> OutDirectory::take_back(const std::string& record) const {
    if (auto removed = remove(begun(name_of_picture(record))); !removed) return removed;
    return remove(begun(name_of_text(record)));
}

}  // namespace totp
