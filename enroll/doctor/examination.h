// What came of looking at a service, and what it is looked at with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/otp.h"
#include "core/policy.h"
#include "core/settings_file.h"
#include "enroll/doctor/finding.h"
#include "enroll/doctor/pam_stack.h"

namespace totp {

/// Whether a code stands between the password and the session.
enum class Protection {
    proven,   ///< nobody gets in without a code (or as the settings have it for who isn't enrolled)
    exempt,   ///< nobody but whom a condition of the administrator's lets pass
    bypass,   ///< whoever knows how gets in without
    no_code,  ///< our module isn't in the auth phase at all
    unknown,  ///< libpam gives the service up, or this process can't read all of it
};
std::string_view name_of(Protection protection);

struct Examination {
    std::string service;
    Protection protection = Protection::unknown;
    bool takes_one_field = false;  ///< a line of ours takes the code from behind the password
    std::vector<CheckFinding> findings;
    /// What comes of every account that isn't enrolled; nothing where a condition of the administrator's
    /// tells some from others, or it isn't known.
    std::optional<Unenrolled> unenrolled;
    std::vector<std::string> modules;  ///< ours, as lines of any phase name it
    std::vector<Settings> settings;    ///< of each line of ours that asks for a code and can be used

    CheckFinding& add(Severity severity, std::string kind, Sentence sentence, FileLine place,
                      Sentence change = {});
};

/// Where everything lies, and when it is.
struct Surroundings {
    PamPlaces pam;
    SettingsPlaces settings;
    UnixTime now;
};

}  // namespace totp
