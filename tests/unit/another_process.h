// What changes the process it runs in is tried in one that is there for nothing else.
#pragma once

#include <cstdio>
#include <string>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/testing.h"

namespace totp::testing {

/// Fails the running case unless `act`, run in a process of its own, returns an empty text: what it found
/// amiss. It is told by shared memory, because that process may have closed every descriptor.
template <class Act>
void claim_in_another_process(Act act, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    constexpr std::size_t size = 1'000;
    auto* const amiss =
        static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const pid_t process = fork();
    if (process == 0) {
        std::snprintf(amiss, size, "%s", std::string(act()).c_str());
        _exit(0);
    }
    int status = 0;
    const bool has_ended = waitpid(process, &status, 0) == process && status == 0;
    const std::string found(amiss);
    munmap(amiss, size);
    claim(has_ended, "the process ended by itself", file, line);
    claim(found.empty(), found, file, line);
}

/// The group that root lends a process of user 1000 in these tests, as setgid would.
inline constexpr gid_t lent_group = 77;

/// Makes this process, which must be root's, the one of an ordinary user to whom a group is lent.
inline bool become_user_with_lent_group() {
    constexpr uid_t user = 1'000;
    return setresgid(user, lent_group, lent_group) == 0 && setresuid(user, user, user) == 0;
}

}  // namespace totp::testing
