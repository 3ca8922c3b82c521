// The corpus of PAM stacks in tests/stacks: a directory for each, laid out as the head of its reader says.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace totp::testing {

/// One directory: `pam.d`, perhaps `vendor` (which counts after it), and `expected`, whose lines are
///   service NAME             the service that is looked at
///   proven | no_code | unknown | exempt FILE:LINE | bypass FILE:LINE
///                            how protected it is, and the line that is to blame
///   finding KIND             what else is found; nothing but these is
///   missing MODULE           it isn't installed; all others are
///   upstream                 libpam looks for files to take in in both directories, and knows no @include
struct StackCase {
    std::string name;
    std::filesystem::path directory;
    std::string service;
    std::string protection;
    std::string blamed;
    std::multiset<std::string> findings;
    std::set<std::string> missing;
    bool is_upstream = false;
};

inline StackCase read_stack_case(const std::filesystem::path& directory) {
    StackCase read;
    read.name = directory.filename();
    read.directory = directory;
    std::ifstream file(directory / "expected");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string word;
        std::string value;
        words >> word >> value;
        if (word == "service") {
            read.service = value;
        } else if (word == "finding") {
            read.findings.insert(value);
        } else if (word == "missing") {
            read.missing.insert(value);
        } else if (word == "upstream") {
            read.is_upstream = true;
        } else if (!word.empty()) {
            read.protection = word;
            read.blamed = value;
        }
    }
    return read;
}

inline std::vector<StackCase> stack_cases() {
    std::vector<StackCase> cases;
    for (const auto& entry : std::filesystem::directory_iterator(TOTP_STACKS)) {
        if (entry.is_directory()) cases.push_back(read_stack_case(entry.path()));
    }
    std::ranges::sort(cases, {}, &StackCase::name);
    return cases;
}

}  // namespace totp::testing
