// What is wrong with the store, the login states and the key: pure.
#pragma once

#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/store_facts.h"

namespace totp {

/// `options`  by which totp-enroll acts on this store, where it wouldn't by itself.
std::vector<CheckFinding> judge_store(const StoreFacts& facts, const std::vector<std::string>& options = {});

}  // namespace totp
