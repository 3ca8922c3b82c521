// The group that setgid lends totp-enroll and totp_check: given up at once, taken back only while the store
// or the key is in use. And what such a program takes from whoever started it: nothing.
#pragma once

namespace totp {

/// To be called first in main(). Afterwards the borrowed group is given up; no descriptor but the three
/// standard ones is open, and these are (a missing one gives and takes nothing); the environment has nothing
/// but TERM and the locale; signals do what they do by default, SIGPIPE and SIGTSTP nothing; no alarm is set;
/// new files are the user's alone; memory can't be dumped or traced.
///
/// False where the program can't be used like this: it was made setuid, or a step failed.
[[nodiscard]] bool distrust_caller();

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
