// What the judges of programs and of the store share: a finding about a file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/seen_file.h"

namespace totp {

class FileJudge {
  protected:
    void add(Severity severity, std::string kind, const SeenFile& file, Sentence sentence, Sentence change) {
        findings_.push_back(
            {severity, std::move(kind), file.path, std::move(sentence), {}, std::move(change)});
    }

    std::vector<CheckFinding> findings_;
};

}  // namespace totp
