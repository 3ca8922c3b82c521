// What is to be said about accounts: pure.
#pragma once

#include <string>
#include <vector>

#include "core/file_store.h"
#include "core/policy.h"
#include "enroll/doctor/account_facts.h"
#include "enroll/doctor/finding.h"

namespace totp {

/// A usual way in whose stack was proven, and what it does with every account that isn't enrolled.
struct Door {
    std::string service;
    Unenrolled unenrolled = Unenrolled::refuse;
};

/// `time_text`  how a moment is written.
/// `places`     where records lie, for the commands that remove them.
std::vector<CheckFinding> judge_accounts(const std::vector<AccountFacts>& accounts,
                                         const std::vector<Door>& doors, UnixTime now,
                                         std::string (*time_text)(UnixTime), const FileStorePlaces& places);

}  // namespace totp
