// Calls that fail on demand: what the code under test calls in libc comes by here first. Linked into a test,
// or preloaded into a program (preload.cc).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace faults {

enum class Kind {
    error,      ///< the call does nothing and fails with `error`
    cut_short,  ///< what is read or written is one byte; all other calls are as always
    killed,     ///< the process ends just before the call
};

struct Fault {
    std::size_t at = 0;  ///< which call, from 1; 0: none
    Kind kind = Kind::error;
    int error = 0;
    bool is_in_memory = false;  ///< the calls that count are those for memory, and no others
    bool is_for_good = false;   ///< all after it are spoilt too
};

/// Counts calls from now on; the one at `fault.at` is spoilt.
void begin(const Fault& fault);

/// Ends that; the names of the calls that were counted.
std::vector<const char*> end();

/// Calls of the test itself, while this lives, don't count.
class Pause {
  public:
    Pause();
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

  private:
    bool was_counting_;
};

/// One change of what is on a disk. Files and directories by their inode.
struct Change {
    enum class Kind { created, written, renamed, removed, made_durable };
    Kind kind;
    ino_t file = 0;        ///< created, written, made_durable (also a directory)
    ino_t directory = 0;   ///< created, renamed, removed: where the name stands
    std::string name;      ///< likewise
    std::string new_name;  ///< renamed: in the same directory
    std::string content;   ///< written
    off_t offset = 0;      ///< likewise
};

/// Notes the changes made from now on in `changes`; no more if that is null.
void watch(std::vector<Change>* changes);

/// For what stands in libc's place: whether this call is spoilt, and how.
enum class Spoilt { no, fails, cut_short };
Spoilt next_call(const char* name);

/// Likewise, for memory.
bool next_allocation_fails();

}  // namespace faults
