#include "core/settings_file.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr const char* project = "pam_totp";
constexpr const char* suffix = "conf";
constexpr const char* delimiter = "=";
constexpr const char* comment = "#";
constexpr std::size_t longest_file = 65'536;

using Lines = std::vector<SettingLine>;

template <class T, class Free>
std::unique_ptr<T, Free> owned(T* value, Free free) {
    return {value, free};
}

Failure refused(const Sentence& message) { return {Trouble::settings, message}; }

/// As store_failure() of core/record_file.
Failure settings_failure(const char* english, const std::string& path, int error) {
    return refused(tr(english, {path, Sentence::of_error(error)}));
}

/// Where it is closed to programs that aren't root's, as those are that people run, that is said.
Failure cannot_be_read(const std::string& path, int error) {
    struct stat status {};
    const bool is_closed = error == EACCES && geteuid() != 0 && stat(path.c_str(), &status) == 0 &&
                           status.st_uid == 0 && (status.st_mode & S_IROTH) == 0;
    if (!is_closed) return settings_failure("%1 can't be read: %2", path, error);
    return refused(tr("%1 is closed to programs that aren't root's: run chmod %2 on it",
                      {path, S_ISDIR(status.st_mode) ? "a+rx" : "a+r"}));
}

// ---- trust: libeconf passes over what it can't read, so every file it may take is looked at before

std::optional<Failure> distrust(const std::string& file, uid_t owner) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) return cannot_be_read(file, errno);
    struct stat status {};
    const bool is_examined = fstat(descriptor, &status) == 0;
    close(descriptor);
    if (!is_examined) return settings_failure("%1 can't be examined: %2", file, errno);
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return std::nullopt;
    if (!S_ISREG(status.st_mode)) return refused(tr("%1 isn't a regular file", {file}));
    if (status.st_uid != 0 && status.st_uid != owner) {
        return refused(tr("%1 doesn't belong to root: run chown root on it", {file}));
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return refused(tr("%1 can be written by others: run chmod go-w on it", {file}));
    }
    return std::nullopt;
}

bool is_there(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 || errno != ENOENT;
}

/// Adds the drop-ins that libeconf may read in `directory`, which may not exist.
std::optional<Failure> append_drop_ins(const std::string& directory, std::vector<std::string>& files) {
    if (!is_there(directory)) return std::nullopt;
    const std::unique_ptr<DIR, int (*)(DIR*)> open_directory(opendir(directory.c_str()), closedir);
    if (open_directory == nullptr) return cannot_be_read(directory, errno);
    errno = 0;
    while (const dirent* entry = readdir(open_directory.get())) {
        if (std::string_view(entry->d_name).ends_with(std::string(".") + suffix)) {
            files.push_back(directory + "/" + entry->d_name);
        }
    }
    if (errno != 0) return settings_failure("%1 can't be read: %2", directory, errno);
    return std::nullopt;
}

/// All files that libeconf may read in one directory.
Result<std::vector<std::string>> files_in(const std::string& directory) {
    std::vector<std::string> files;
    const auto main_file = directory + "/" + project + "." + suffix;
    if (is_there(main_file)) files.push_back(main_file);
    if (auto failure = append_drop_ins(main_file + ".d", files)) return *failure;
    return files;
}

/// Whether there is any file in these places, all being trusted.
Result<bool> has_trusted_files(const SettingsPlaces& places) {
    bool has_any = false;
    for (const auto& directory : {places.vendor, places.administrator}) {
        const auto files = files_in(directory);
        if (!files) return files.failure();
        for (const auto& file : *files) {
            if (auto failure = distrust(file, places.owner)) return *failure;
            has_any = true;
        }
    }
    return has_any;
}

// ---- reading, through libeconf

Failure unparsable(econf_err error) {
    char* file = nullptr;
    std::uint64_t line = 0;
    econf_errLocation(&file, &line);
    const auto path = owned(file, std::free);
    return refused(std::string(file != nullptr ? file : "settings") + ":" + std::to_string(line) + ": " +
                   econf_errString(error));
}

/// `part` as libeconf names it: null before the first.
Result<SettingLine> line_of(econf_file* file, const char* part, const char* name) {
    econf_ext_value* read = nullptr;
    const auto error = econf_getExtValue(file, part, name, &read);
    if (error != ECONF_SUCCESS) return unparsable(error);
    const auto entry = owned(read, econf_freeExtValue);
    const auto where = std::string(entry->file) + ":" + std::to_string(entry->line_number);
    const char* const* values = entry->values;
    if (values == nullptr || values[0] == nullptr) {
        return refused(tr("%1: %2 has no value", {where, printable(name)}));
    }
    if (values[1] != nullptr) {
        return refused(tr("%1: %2 has a second line: each must begin with a name", {where, printable(name)}));
    }
    return SettingLine{name, values[0], where, part != nullptr ? part : ""};
}

bool says_nothing(std::string_view line) {
    const auto start = line.find_first_not_of(" \t\r");
    return start == std::string_view::npos || line[start] == *comment;
}

/// The part that a line which says something begins; nothing where it begins none.
std::optional<std::string> part_begun_by(std::string_view line) {
    const auto start = line.find_first_not_of(" \t\r");
    const auto end = line.find_last_not_of(" \t\r");
    if (line[start] != '[' || line[end] != ']') return std::nullopt;
    return std::string(line.substr(start + 1, end - start - 1));
}

/// Adds the lines of the file that libeconf doesn't give: those that begin a part. Refuses others: of two
/// lines for one setting it gives the first and says nothing, nor of a line without a name.
std::optional<Failure> append_unread_lines(const std::string& path, Lines& lines) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    SecretBytes content;
    if (!file || read_whole(file, longest_file, content) != 0) {
        return settings_failure("%1 can't be read: %2", path, errno);
    }
    if (content.size() > longest_file) return refused(tr("%1 is longer than 64 KiB", {path}));
    auto text = content.text();
    for (int number = 1; !text.empty(); ++number) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto where = path + ":" + std::to_string(number);
        if (says_nothing(line) || std::ranges::count(lines, where, &SettingLine::where) > 0) continue;
        auto part = part_begun_by(line);
        if (!part)
            return refused(tr("%1: isn't read: each setting must stand once, as name = value", {where}));
        lines.push_back({"", "", where, *std::move(part)});
    }
    return std::nullopt;
}

/// Adds the lines of one part of the file to `lines`.
std::optional<Failure> append_part(econf_file* file, const char* part, Lines& lines) {
    char** read = nullptr;
    std::size_t count = 0;
    if (econf_getKeys(file, part, &count, &read) != ECONF_SUCCESS) return std::nullopt;  // nothing in it
    const auto names = owned(read, econf_freeArray);
    for (std::size_t i = 0; i < count; ++i) {
        auto line = line_of(file, part, read[i]);
        if (!line) return line.failure();
        lines.push_back(*std::move(line));
    }
    return std::nullopt;
}

/// Adds the file's lines to `lines`.
std::optional<Failure> append_lines(econf_file* file, Lines& lines) {
    if (auto failure = append_part(file, nullptr, lines)) return failure;
    char** read = nullptr;
    std::size_t count = 0;
    if (econf_getGroups(file, &count, &read) == ECONF_SUCCESS) {  // else what it left there isn't ours
        const auto parts = owned(read, econf_freeArray);
        for (std::size_t i = 0; i < count; ++i) {
            if (auto failure = append_part(file, read[i], lines)) return failure;
        }
    }
    const auto path = owned(econf_getPath(file), std::free);
    return append_unread_lines(path.get(), lines);
}

}  // namespace

Result<Lines> read_setting_lines(const SettingsPlaces& places) {
    const auto has_files = has_trusted_files(places);
    if (!has_files) return has_files.failure();
    if (!*has_files) return Lines{};

    econf_file** read = nullptr;
    std::size_t count = 0;
    const auto error =
        econf_readDirsHistory(&read, &count, places.vendor.c_str(), places.administrator.c_str(), project,
                              suffix, delimiter, comment);
    if (error != ECONF_SUCCESS) return unparsable(error);
    const auto list = owned(read, std::free);
    std::vector<std::unique_ptr<econf_file, decltype(&econf_freeFile)>> history;
    for (std::size_t i = 0; i < count; ++i) history.emplace_back(read[i], econf_freeFile);

    Lines lines;
    for (const auto& file : history) {
        if (auto failure = append_lines(file.get(), lines)) return *failure;
    }
    return lines;
}

Result<Lines> read_setting_lines(const std::string& file, uid_t owner) {
    if (auto failure = distrust(file, owner)) return *failure;
    econf_file* read = nullptr;
    const auto error = econf_readFile(&read, file.c_str(), delimiter, comment);
    if (error != ECONF_SUCCESS) return unparsable(error);
    const auto parsed = owned(read, econf_freeFile);
    Lines lines;
    if (auto failure = append_lines(read, lines)) return *failure;
    return lines;
}

}  // namespace totp
