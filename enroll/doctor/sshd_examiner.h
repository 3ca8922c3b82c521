// What is wrong with sshd's settings where codes are concerned: asks sshd itself.
#pragma once

#include <span>
#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/stack_examiner.h"

namespace totp {

struct SshdExamination {
    std::vector<CheckFinding> findings;
    /// Nobody comes to PAM who hasn't shown who they are before, as by a key. False where it isn't known.
    bool is_pam_second = false;
};

/// `examined`: what was found of stacks already; the one that sshd asks is examined here if it isn't among
/// them.
///
/// Asks `sshd -T` for everybody, for root, and for somebody whom each Match block concerns. Only root may; to
/// anybody else it says so. Nothing where there is no sshd.
SshdExamination examine_sshd(const Surroundings& surroundings, std::span<const Examination> examined);

}  // namespace totp
