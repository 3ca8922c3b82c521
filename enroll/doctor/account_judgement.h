// What is to be said about accounts: pure.
#pragma once

#include <string>
#include <vector>

#include "enroll/doctor/account_facts.h"
#include "enroll/doctor/doors.h"
#include "enroll/doctor/finding.h"

namespace totp {

/// `time_text`  how a moment is written.
std::vector<CheckFinding> judge_accounts(std::vector<AccountFacts> accounts, const std::vector<Door>& doors,
                                         UnixTime now, std::string (*time_text)(UnixTime),
                                         const ExaminedAccounts& examined);

}  // namespace totp
