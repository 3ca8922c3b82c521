// A directory for what a target has to write into files: in memory, made once, gone when the process ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/input.h"

inline const std::filesystem::path& temporary_directory() {
    static const std::filesystem::path directory = [] {
        std::string name = "/dev/shm/pam-totp-fuzz.XXXXXX";
        promise(mkdtemp(name.data()) != nullptr);
        return std::filesystem::path(name);
    }();
    static const int at_exit = std::atexit([] { std::filesystem::remove_all(directory); });
    promise(at_exit == 0);
    return directory;
}

inline void write_file(const std::filesystem::path& path, std::string_view content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    promise(file.good());
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}
