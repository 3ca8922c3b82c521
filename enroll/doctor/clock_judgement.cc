#include "enroll/doctor/clock_judgement.h"

#include <sys/timex.h>

namespace totp {

bool is_clock_synchronised() {
    timex clock{};
    const int state = adjtimex(&clock);
    return state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}

std::vector<CheckFinding> judge_clock(bool is_synchronised) {
    if (is_synchronised) return {};
    return {{Severity::warning,
             "clock",
             tr("clock"),
             tr("it isn't synchronised: once it is off by more than 30 seconds, right codes are refused"),
             {},
             "timedatectl set-ntp true"}};
}

}  // namespace totp
