#include "core/policy.h"

#include <algorithm>
#include <optional>

#include "core/foreign_options.h"
#include "core/percent.h"
#include "core/setting_table.h"

namespace totp {
namespace {

// ---- what settings mean together

using Wrong = std::optional<Sentence>;

/// What no single setting can be blamed for.
Wrong contradiction_in(const Policy& policy) {
    if (policy.resync_window > policy.max_drift) {
        return tr("of the settings resync_window (%1) must not be more than max_drift (%2): set both",
                  {policy.resync_window, policy.max_drift});
    }
    if (policy.delay > policy.max_delay) {
        return tr("of the settings delay (%1) must not be more than max_delay (%2): set both",
                  {policy.delay, policy.max_delay});
    }
    return std::nullopt;
}

/// Likewise, of who must enrol when.
Wrong contradiction_in_days(const Settings& settings) {
    if (settings.enrol_by && settings.enrol_until && *settings.enrol_until <= *settings.enrol_by)
        return tr("of the settings enrol_until must be a later day than enrol_by");
    return std::nullopt;
}

/// Likewise, of where password and code come from.
Wrong contradiction_in_passes(const Settings& settings) {
    if (settings.use_first_pass && settings.try_first_pass) {
        return tr(
            "of the arguments use_first_pass, which never asks, and try_first_pass, which may ask, exclude "
            "each other");
    }
    if (settings.forward_pass && settings.echo)
        return tr("of the arguments echo and forward_pass exclude each other: the password would be seen");
    return std::nullopt;
}

/// Likewise, of what a database for many hosts doesn't do.
Wrong contradiction_in_engine(const Settings& settings) {
    if (settings.engine != Engine::postgresql) return std::nullopt;
    if (settings.policy.remember != 0) {
        return tr(
            "of the settings remember and engine = postgresql exclude each other: the database asks for a "
            "code "
            "each time");
    }
    if (settings.unenrolled == Unenrolled::enrol) {
        return tr(
            "of the settings unenrolled = enrol and engine = postgresql exclude each other: a host that may "
            "enrol "
            "could enrol anybody");
    }
    return std::nullopt;
}

Failure refused(const Sentence& message) { return {Trouble::settings, message}; }

Result<Settings> checked(Settings settings) {
    if (const auto wrong = contradiction_in(settings.policy)) return refused(*wrong);
    if (const auto wrong = contradiction_in_days(settings)) return refused(*wrong);
    if (const auto wrong = contradiction_in_engine(settings)) return refused(*wrong);
    if (const auto wrong = contradiction_in_passes(settings)) return refused(*wrong);
    return settings;
}

// ---- lines of files

std::optional<Failure> take_line(const SettingLine& line, Settings& settings) {
    if (!line.part.empty() && line.part != in_postgresql)
        return refused(tr("%1: [%2] isn't a known section", {line.where, printable(line.part)}));
    if (line.name.empty()) return std::nullopt;
    const auto here = line.where + ": " + printable(line.name);
    const auto* row = setting_named(line.name);
    if (row == nullptr) return refused(tr("%1 isn't a setting: see pam_totp.conf(5)", {here}));
    if (row->is_argument_only) return refused(tr("%1 belongs on a PAM line: see pam_totp(8)", {here}));
    if (row->part != line.part) {
        return refused(row->part.empty() ? tr("%1 belongs before all sections", {here})
                                         : tr("%1 belongs in [%2]", {here, std::string(row->part)}));
    }
    if (const auto wrong = set(settings, *row, line.value)) return refused(tr("%1 %2", {here, *wrong}));
    return std::nullopt;
}

Result<Settings> taken(const Result<std::vector<SettingLine>>& lines) {
    if (!lines) return lines.failure();
    Settings settings;
    for (const auto& line : *lines) {
        if (auto failure = take_line(line, settings)) return *failure;
    }
    return settings;
}

/// Not by Settings{}: GCC 12 destroys twice what it has made of an aggregate when memory runs out in between.
bool is_default_prompt(const std::string& prompt) {
    const Settings defaults;
    return prompt == defaults.prompt;
}

// ---- arguments

constexpr std::string_view config_argument = "config=";

struct Alias {
    std::string_view argument;
    std::string_view name;
    std::string_view value;      ///< empty: what follows the '='
    std::string_view also = {};  ///< another setting with the same value
};
constexpr Alias aliases[] = {
    {"authtok_prompt", "prompt", ""},   {"echo_verification_code", "echo", "yes"},
    {"grace_period", "remember", ""},   {"noskewadj", "max_drift", "0", "resync_window"},
    {"nullok", "unenrolled", "ignore"},
};

/// pam_google_authenticator's word for what is always so here: a refused code moves no counter.
constexpr std::string_view always_so = "no_increment_hotp";

/// `row`: of what is a setting of that name all the same; user= is also pam_google_authenticator's.
Failure no_argument(std::string_view name, const Setting* row) {
    if (const auto advice = advice_for_foreign_option(name)) return refused(*advice);
    if (row != nullptr) {
        return refused(tr("the argument %1 belongs in [%2] of a settings file: see pam_totp.conf(5)",
                          {printable(name), std::string(row->part)}));
    }
    return refused(tr("the argument %1 isn't known: see pam_totp(8)", {printable(name)}));
}

std::optional<Failure> take_argument(std::string_view argument, Settings& settings) {
    if (argument == always_so) return std::nullopt;
    const auto equals = argument.find('=');
    const bool has_value = equals != std::string_view::npos;
    auto name = argument.substr(0, equals);
    std::string_view value = has_value ? argument.substr(equals + 1) : "";
    const auto alias = std::ranges::find(aliases, name, &Alias::argument);
    const bool is_alias = alias != std::end(aliases);
    const bool is_flag_alias = is_alias && !alias->value.empty();

    const auto* row = setting_named(is_alias ? alias->name : name);
    if (row == nullptr || !row->part.empty()) return no_argument(name, row);
    const bool is_flag = is_flag_alias || std::holds_alternative<Flag>(row->kind);
    if (!has_value && is_flag) {
        value = is_flag_alias ? alias->value : "yes";
    } else if (!has_value || is_flag_alias) {
        return refused(has_value ? tr("the argument %1 takes no value", {printable(name)})
                                 : tr("the argument %1 has no value", {printable(name)}));
    }
    if (const auto wrong = set(settings, *row, value)) {
        return refused(tr("the argument %1 %2", {printable(argument), *wrong}));
    }
    if (is_alias && !alias->also.empty())
        static_cast<void>(set(settings, *setting_named(alias->also), value));
    return std::nullopt;
}

/// Days on a line that lets accounts pass for ever would look as if they put an end to it. In a file they may
/// stand: they are for other lines.
Wrong day_without_enrolment(std::span<const char* const> arguments, Settings& settings) {
    if (settings.unenrolled == Unenrolled::enrol) return std::nullopt;
    for (const std::string_view argument : arguments) {
        const auto* row = setting_named(argument.substr(0, argument.find('=')));
        const auto* day = row == nullptr ? nullptr : std::get_if<Day>(&row->kind);
        if (day == nullptr || !day->in(settings)) continue;
        return tr(
            "the argument %1 counts with unenrolled=enrol alone, which isn't so here: set unenrolled=enrol, "
            "in place of nullok and the like, or take the argument away",
            {printable(argument)});
    }
    return std::nullopt;
}

}  // namespace

Unenrolled unenrolled_at(const Settings& settings, UnixTime now) {
    const bool is_over = settings.enrol_until && *settings.enrol_until <= now;
    return settings.unenrolled == Unenrolled::enrol && is_over ? Unenrolled::refuse : settings.unenrolled;
}

Sentence Settings::prompt_for_code() const {
    return is_default_prompt(prompt) ? tr("Verification code: ") : Sentence(prompt);
}

Sentence Settings::prompt_for_both() const {
    return is_default_prompt(prompt) ? tr("Password & verification code: ") : Sentence(prompt);
}

std::vector<std::string_view> arguments_beside_settings() {
    std::vector names{config_argument.substr(0, config_argument.size() - 1), always_so};
    for (const auto& row : all_settings()) {
        if (row.is_argument_only) names.push_back(row.name);
    }
    for (const auto& alias : aliases) names.push_back(alias.argument);
    return names;
}

Result<Settings> read_settings(const SettingsPlaces& places) {
    auto settings = taken(read_setting_lines(places));
    return settings ? checked(*std::move(settings)) : settings;
}

Result<Settings> read_settings_file(const std::string& file, uid_t owner) {
    auto settings = taken(read_setting_lines(file, owner));
    if (settings) settings->file = file;
    return settings ? checked(*std::move(settings)) : settings;
}

Result<Settings> settings_for_line(const SettingsPlaces& places, std::span<const char* const> arguments) {
    const auto is_config = [](std::string_view argument) { return argument.starts_with(config_argument); };
    for (const std::string_view argument : arguments) {
        if (!is_config(argument) || argument.substr(config_argument.size()).starts_with('/')) continue;
        return refused(tr("the argument %1 must be a path from /", {printable(argument)}));
    }
    if (std::ranges::count_if(arguments, is_config) > 1)
        return refused(tr("the argument config= stands there twice"));
    const auto config = std::ranges::find_if(arguments, is_config);
    auto settings =
        config == arguments.end()
            ? read_settings(places)
            : read_settings_file(std::string(*config).substr(config_argument.size()), places.owner);
    if (!settings) return settings;
    for (const std::string_view argument : arguments) {
        if (is_config(argument)) continue;
        if (auto failure = take_argument(argument, *settings)) return *failure;
    }
    if (const auto wrong = day_without_enrolment(arguments, *settings)) return refused(*wrong);
    return checked(*std::move(settings));
}

}  // namespace totp
