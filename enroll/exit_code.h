// What a script learns from totp-enroll.
#pragma once

namespace totp {

enum ExitCode {
    exit_done = 0,
    exit_refused = 1,        ///< refused, or not so: wrong code, not enrolled
    exit_usage = 2,          ///< the command line, or something it names, makes no sense
    exit_not_permitted = 3,  ///< not for this caller
    exit_unusable = 4,       ///< store, key or settings can't be used
};

}  // namespace totp
