// The programs and the module as they are installed. Judges nothing.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "enroll/doctor/pam_stack.h"
#include "enroll/doctor/seen_file.h"

namespace totp {

inline constexpr const char* store_group = "_totp";
inline constexpr const char* verifier_group = "_totp_verifier";

struct ProgramFacts {
    SeenFile totp_enroll;
    SeenFile totp_check;
    SeenFile totp_check_any;
    SeenFile totp_check_postgresql;  ///< the programs of a fleet's host
    SeenFile totp_person_postgresql;
    SeenFile totp_administer_postgresql;
    bool asks_database = false;      ///< codes are checked by totp_check_postgresql
    std::optional<gid_t> group;      ///< of store_group, where there is one
    std::optional<gid_t> verifiers;  ///< of verifier_group
    std::vector<SeenFile> modules;   ///< ours, wherever lines have libpam find it
    bool lacks_module = false;       ///< libpam doesn't find it where a line leaves it to libpam where it is
    std::vector<std::string> module_directories;
};

/// The group of that name, where this machine has it.
std::optional<gid_t> group_named(const char* name);

/// What lines of ours need.
struct Needs {
    std::set<std::string> modules;  ///< as they name it; where there is no line, as the first will
    bool asks_database = false;     ///< a line has engine = postgresql
};

ProgramFacts look_at_programs(const PamPlaces& places, const Needs& needs);

}  // namespace totp
