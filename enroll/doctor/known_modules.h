// What is certain of modules by their names; of all others anything may be expected.
#pragma once

#include <string_view>

#include "enroll/doctor/pam_stack.h"

namespace totp {

inline constexpr std::string_view our_module = "pam_totp.so";

struct ModuleFacts {
    Codes answers;              ///< all that it ever answers in this phase
    bool proves = true;         ///< its success says that somebody has shown who they are: a first factor
    bool is_condition = false;  ///< its answer tells who comes or from where, by the administrator's rule
};

/// Of a module other than ours. One that isn't known may answer anything, and counts as a first factor.
ModuleFacts facts_of_module(std::string_view name, Phase phase);

/// Of the module of a line: some prove who comes with certain arguments alone.
ModuleFacts facts_of_line(const StackLine& line, Phase phase);

/// What ours may answer: the failures alone. A success and an ignorance are for who asks to add.
Codes our_failures(Phase phase);

bool is_ours(const StackLine& line);

}  // namespace totp
