// What every unit test starts from: CMocka, the vectors, a directory that goes away again.
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/secret_bytes.h"
#include "tests/cmocka.h"

namespace totp::testing {

namespace fs = std::filesystem;

inline void assert_text(std::string_view actual, std::string_view expected,
                        const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    _assert_string_equal(std::string(actual).c_str(), std::string(expected).c_str(), file, line);
}

/// Fails unless `result` is a failure of this kind whose message holds `part`.
template <class T>
void assert_failure(const Result<T>& result, Trouble trouble, std::string_view part,
                    const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    claim(!result, "it failed: " + std::string(part), file, line);
    const auto message = result.failure().message.english();
    claim(message.find(part) != std::string::npos, message + " | says | " + std::string(part), file, line);
    claim(result.failure().trouble == trouble, message + " | is of the right kind", file, line);
}

/// What a result holds; fails the running case, with the message, if it holds none.
template <class T>
T value_of(Result<T> result, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    claim(static_cast<bool>(result), result ? "" : result.failure().message.english(), file, line);
    return *std::move(result);
}

inline std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    claim(file.good(), path.string() + " can be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Writes `content` to `path` and gives it `mode`, whatever the umask.
inline void write_file(const fs::path& path, std::string_view content, unsigned mode = 0600) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content << std::flush;
    claim(file.good(), path.string() + " can be written");
    fs::permissions(path, static_cast<fs::perms>(mode));
}

inline fs::path vector_path(std::string_view name) { return fs::path(TOTP_VECTORS) / name; }

/// The lines of a text, empty ones and comments left out.
inline std::vector<std::string> lines_of(const fs::path& path) {
    std::istringstream text(content_of(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        if (!line.empty() && line.front() != '#') lines.push_back(line);
    }
    claim(!lines.empty(), path.string() + " holds a case");
    return lines;
}

inline std::vector<std::string> vector_lines(std::string_view name) { return lines_of(vector_path(name)); }

/// One line of a vector, cut at each '|'; blanks around the bars don't count.
using Fields = std::vector<std::string>;

inline std::string trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) return "";
    return std::string(text.substr(start, text.find_last_not_of(' ') - start + 1));
}

inline std::vector<Fields> vector_table(std::string_view name, std::size_t columns) {
    std::vector<Fields> table;
    for (const auto& line : vector_lines(name)) {
        Fields fields;
        for (std::size_t start = 0; start <= line.size();) {
            const auto end = std::min(line.find('|', start), line.size());
            fields.push_back(trimmed(line.substr(start, end - start)));
            start = end + 1;
        }
        claim(fields.size() == columns, line + " has " + std::to_string(columns) + " columns");
        table.push_back(std::move(fields));
    }
    return table;
}

/// The regular files of a directory of vectors, by name.
inline std::vector<fs::path> vector_files(std::string_view directory) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(vector_path(directory))) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// The octets that hexadecimal digits stand for.
inline SecretBytes octets_of(std::string_view hexadecimal_digits) {
    SecretBytes octets(hexadecimal_digits.size() / 2);
    for (std::size_t i = 0; i < octets.size(); ++i) {
        octets.data()[i] = static_cast<std::uint8_t>(
            std::stoul(std::string(hexadecimal_digits.substr(2 * i, 2)), nullptr, 16));
    }
    return octets;
}

/// An empty directory of our own; gone, with all that is in it, when this goes.
class TemporaryDirectory {
  public:
    TemporaryDirectory() { path_ = made_in(all()); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    const fs::path& path() const { return path_; }

  private:
    static fs::path made_in(const fs::path& directory) {
        auto name = (directory / "pam-totp-test-XXXXXX").string();
        claim(mkdtemp(name.data()) != nullptr, "a temporary directory can be made");
        return name;
    }

    /// What all of them lie in. It goes when the process does: a failed case runs no destructors.
    static const fs::path& all() {
        static const fs::path directory = made_in(fs::temp_directory_path());
        static const pid_t maker = getpid();
        static const int registered = std::atexit([] {
            std::error_code ignored;
            if (getpid() == maker) fs::remove_all(directory, ignored);
        });
        claim(registered == 0, "it is removed in the end");
        return directory;
    }

    fs::path path_;
};

}  // namespace totp::testing
