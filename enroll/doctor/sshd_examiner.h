// What is wrong with sshd's settings where codes are concerned: asks sshd itself.
#pragma once

#include <span>
#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/stack_examiner.h"

namespace totp {

/// `examined`: what was found of stacks already; the one that sshd asks is examined here if it isn't among
/// them.
///
/// Asks `sshd -T` for everybody, for root, and for somebody whom each Match block concerns. Only root may; to
/// anybody else it says so. Nothing where there is no sshd.
std::vector<CheckFinding> examine_sshd(const Surroundings& surroundings,
                                       std::span<const Examination> examined);

}  // namespace totp
