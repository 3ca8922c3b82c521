// The table of the settings: a row says a name, where it may stand, its range and what it sets. Knows values
// one by one, not where they were written nor what they mean together (core/policy).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/policy.h"
#include "core/sentence.h"

namespace totp {

/// The part of a settings file in which the database is.
inline constexpr std::string_view in_postgresql = "postgresql";

/// How one kind of value is read, shown and described.
struct Number {
    int& (*in)(Settings&);
    int lowest;
    int highest;
};
struct Flag {
    bool& (*in)(Settings&);
};
struct Text {
    std::string& (*in)(Settings&);
};
struct Path {
    std::string& (*in)(Settings&);
};
/// Printable, without blanks; nothing at all where `none` may stand there.
struct Word {
    std::string& (*in)(Settings&);
    bool may_be_none = false;
};
/// Words with commas between them.
struct Names {
    std::vector<std::string>& (*in)(Settings&);
};
struct EngineWord {};
struct HostList {};
struct MissingStateWord {};
struct UnenrolledWord {};
/// 00:00 UTC of a day.
struct Day {
    std::optional<UnixTime>& (*in)(Settings&);
};
struct QrWord {};

/// A row of the table.
struct Setting {
    std::string_view name;
    std::variant<Number, Flag, Text, Path, Word, Names, EngineWord, HostList, MissingStateWord,
                 UnenrolledWord, Day, QrWord>
        kind;
    bool is_argument_only = false;  ///< says something about one PAM line, not about the machine
    std::string_view part = {};     ///< of a settings file; no argument then
};

/// The row of that name; null if there is none.
const Setting* setting_named(std::string_view name);

std::span<const Setting> all_settings();

/// Reads `value` into `settings`; or says what it must be, as a clause to follow the name and value.
std::optional<Sentence> set(Settings& settings, const Setting& setting, std::string_view value);

}  // namespace totp
