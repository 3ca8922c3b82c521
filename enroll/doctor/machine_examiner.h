// What is wrong with this machine beside its PAM stacks: the programs, the clock, and for root the store, the
// key and the accounts.
#pragma once

#include <vector>

#include "enroll/doctor/account_judgement.h"
#include "enroll/doctor/finding.h"
#include "enroll/doctor/pam_stack.h"

namespace totp {

/// What anybody is told; of what only root sees it says that much.
std::vector<CheckFinding> examine_machine_for_anybody(const PamPlaces& pam, const std::vector<Door>& doors);

/// What root is told.
///
/// `places`     where the settings in `examined` say that records lie.
/// `time_text`  how a moment is written.
std::vector<CheckFinding> examine_machine_for_root(const PamPlaces& pam, const ExaminedAccounts& examined,
                                                   const FileStorePlaces& places,
                                                   const std::vector<Door>& doors, UnixTime now,
                                                   std::string (*time_text)(UnixTime));

}  // namespace totp
