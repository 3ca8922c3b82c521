// Settings files as lines with their place, whatever the settings are. libeconf finds and parses them.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/failure.h"

namespace totp {

/// One `name = value`, or one that begins a part.
struct SettingLine {
    std::string name;  ///< empty where it begins a part
    std::string value;
    std::string where;  ///< "FILE:LINE"
    std::string part;   ///< what stands in the brackets of the last line "[…]" up to it; empty: none does
};

/// Where settings files are looked for.
struct SettingsPlaces {
    std::string vendor;         ///< what the distribution ships; may not exist
    std::string administrator;  ///< what counts before it
    uid_t owner = 0;            ///< who, beside root, may own a file that is obeyed
};

/// The lines of pam_totp.conf and the drop-ins in pam_totp.conf.d, later ones to count before earlier ones:
/// the administrator's main file in place of the vendor's, then the vendor's drop-ins by name, then the
/// administrator's by name.
///
/// A file that is there but can't be read or parsed, that isn't root's (or `owner`'s), or that others may
/// write, is refused by name. No file at all is no line.
Result<std::vector<SettingLine>> read_setting_lines(const SettingsPlaces& places);

/// The same for one named file, which must be there; /dev/null has no line.
Result<std::vector<SettingLine>> read_setting_lines(const std::string& file, uid_t owner);

}  // namespace totp
