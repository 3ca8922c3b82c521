// The group that setgid lends totp-enroll and totp_check: given up at once, taken back only while the store
// or the key is in use. What makes totp_check_any, which is setuid, root's alone. And what such a program
// takes from whoever started it: nothing.
#pragma once

#include <vector>

#include <sys/types.h>

namespace totp {

/// Whether nothing comes of that signal here, as of SIGHUP after nohup(1).
bool is_ignored(int signal);

/// To be called first in main(). Afterwards the borrowed group is given up; no descriptor but the three
/// standard ones is open, and these are (a missing one gives and takes nothing); the environment has nothing
/// but TERM and the locale; signals do what they do by default, SIGPIPE and SIGTSTP nothing, nor SIGHUP
/// where the caller ignores it; no alarm is set; new files are the user's alone; memory can't be dumped or
/// traced.
///
/// False where the program can't be used like this: it was made setuid, or a step failed.
[[nodiscard]] bool distrust_caller();

/// Who started the program, as far as the kernel knows.
struct Caller {
    uid_t uid = 0;
    std::vector<gid_t> groups;  ///< all they are in: the real and the supplementary ones
};

/// To be asked before distrust_caller_as_root(), which forgets it.
Caller find_caller();

/// distrust_caller() for a program that is setuid root and works as root throughout. Likewise, but nothing is
/// given up: the process is root's altogether, in root's group alone, so that whoever started it can neither
/// stop nor kill it (who waits for it can't either: it must end by itself); and their limits on what a
/// process may use don't count.
///
/// False where the process isn't root, by setuid or otherwise, or a step failed.
[[nodiscard]] bool distrust_caller_as_root();

/// Whether there is a group to take back. Not for root, who gives it up for good; nor where setgid has no
/// effect.
bool can_borrow_group();

/// Has the borrowed group for as long as it lives; nothing changes where there is none.
class BorrowedGroup {
  public:
    BorrowedGroup();
    ~BorrowedGroup();
    BorrowedGroup(const BorrowedGroup&) = delete;
    BorrowedGroup& operator=(const BorrowedGroup&) = delete;
};

}  // namespace totp
