// For LD_PRELOAD: FAULT="AT KIND ERROR" spoils one call of a program (faults.h; KIND is error, cut_short or
// killed), and the names of all that were counted go to the file FAULT_CALLS, one a line.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/faults/faults.h"

namespace {

char calls_file[4096];

faults::Kind kind_named(const char* word) {
    if (std::strcmp(word, "cut_short") == 0) return faults::Kind::cut_short;
    return std::strcmp(word, "killed") == 0 ? faults::Kind::killed : faults::Kind::error;
}

__attribute__((constructor)) void start() {
    faults::Fault fault;
    char kind[16] = "";
    if (const char* words = std::getenv("FAULT"); words != nullptr) {
        if (std::sscanf(words, "%zu %15s %d", &fault.at, kind, &fault.error) < 2) std::abort();
        fault.kind = kind_named(kind);
    }
    if (const char* path = std::getenv("FAULT_CALLS"); path != nullptr)
        std::snprintf(calls_file, sizeof calls_file, "%s", path);
    faults::begin(fault);
}

__attribute__((destructor)) void finish() {
    const auto calls = faults::end();
    if (calls_file[0] == '\0') return;
    std::FILE* file = std::fopen(calls_file, "w");
    if (file == nullptr) std::abort();
    for (const auto* name : calls) std::fprintf(file, "%s\n", name);
    std::fclose(file);
}

}  // namespace
