// What is wrong with the programs and the module: pure.
#pragma once

#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/program_facts.h"

namespace totp {

std::vector<CheckFinding> judge_programs(const ProgramFacts& facts);

}  // namespace totp
