// The ways in, and about whom they ask.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy.h"
#include "enroll/doctor/finding.h"

namespace totp {

/// A way in, and what lines of ours make of it.
struct Door {
    std::string service;
    /// What comes of every account that isn't enrolled; nothing where that isn't known, or worth no word.
    std::optional<Unenrolled> unenrolled;
    std::vector<Settings> settings = {};    ///< of each that asks for a code
    std::vector<std::string> modules = {};  ///< ours, as they name it
};

/// The accounts that are looked at.
struct ExaminedAccounts {
    Settings settings;  ///< which say where their records lie
    std::vector<std::string> options =
        {};  ///< by which totp-enroll acts on just these, where it wouldn't by itself
};

/// Whether the line has its codes checked by the records that are looked at.
bool is_about(const Settings& line, const Settings& examined);

/// Which doors ask about accounts that aren't looked at, and how those can be.
std::vector<CheckFinding> judge_doors(const std::vector<Door>& doors, const ExaminedAccounts& examined);

}  // namespace totp
