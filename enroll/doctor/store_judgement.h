// What is wrong with the store, the login states and the key: pure.
#pragma once

#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/store_facts.h"

namespace totp {

std::vector<CheckFinding> judge_store(const StoreFacts& facts);

}  // namespace totp
