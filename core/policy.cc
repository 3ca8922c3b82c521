#include "core/policy.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "core/decimal.h"
#include "core/foreign_options.h"
#include "core/percent.h"

namespace totp {
namespace {

// ---- the table

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

struct Row {
    std::string_view name;
    std::variant<Number, Flag, Text, Path, Word, Names, EngineWord, HostList, MissingStateWord,
                 UnenrolledWord, Day, QrWord>
        kind;
    bool is_argument_only = false;  ///< says something about one PAM line, not about the machine
    std::string_view part = {};     ///< of a settings file; no argument then
};

template <int Policy::*member>
int& number(Settings& settings) {
    return settings.policy.*member;
}
template <auto member>
auto& field(Settings& settings) {
    return settings.*member;
}
template <auto member>
auto& database(Settings& settings) {
    return settings.database.*member;
}

constexpr std::string_view postgresql = "postgresql";
constexpr int day = 86'400;

constexpr Row table[] = {
    {"administrator_certificate", Path{database<&Database::administrator_certificate>}, false, postgresql},
    {"administrator_private_key", Path{database<&Database::administrator_private_key>}, false, postgresql},
    {"break_glass", Names{field<&Settings::break_glass>}},
    {"budget", Number{number<&Policy::budget>, 1, 10'000}},
    {"budget_drain", Number{number<&Policy::budget_drain>, 1, 10'000}},
    {"certificate", Path{database<&Database::certificate>}, false, postgresql},
    {"database", Word{database<&Database::name>}, false, postgresql},
    {"deadline", Number{database<&Database::deadline>, 1, 30}, false, postgresql},
    {"debug", Flag{field<&Settings::debug>}},
    {"delay", Number{number<&Policy::delay>, 1, day}},
    {"echo", Flag{field<&Settings::echo>}},
    {"engine", EngineWord{}},
    {"enrol_by", Day{field<&Settings::enrol_by>}},
    {"enrol_qr", QrWord{}},
    {"enrol_until", Day{field<&Settings::enrol_until>}},
    {"forward_pass", Flag{field<&Settings::forward_pass>}, true},
    {"free_failures", Number{number<&Policy::free_failures>, 0, 10'000}},
    {"hosts", HostList{}, false, postgresql},
    {"hotp_look_ahead", Number{number<&Policy::hotp_look_ahead>, 0, 100}},
    {"key", Path{field<&Settings::key>}},
    {"max_delay", Number{number<&Policy::max_delay>, 1, day}},
    {"max_drift", Number{number<&Policy::max_drift>, 0, 100}},
    {"max_failures", Number{number<&Policy::max_failures>, 1, 10'000}},
    {"missing_state", MissingStateWord{}},
    {"once", Flag{field<&Settings::once>}, true},
    {"private_key", Path{database<&Database::private_key>}, false, postgresql},
    {"prompt", Text{field<&Settings::prompt>}},
    {"quiet", Flag{field<&Settings::quiet>}},
    {"remember", Number{number<&Policy::remember>, 0, 90 * day}},
    {"resync_window", Number{number<&Policy::resync_window>, 0, 100}},
    {"root_certificate", Path{database<&Database::root_certificate>}, false, postgresql},
    {"state", Path{field<&Settings::state>}},
    {"store", Path{field<&Settings::store>}},
    {"try_first_pass", Flag{field<&Settings::try_first_pass>}, true},
    {"unenrolled", UnenrolledWord{}},
    {"use_first_pass", Flag{field<&Settings::use_first_pass>}, true},
    {"user", Word{database<&Database::user>, true}, false, postgresql},
    {"window", Number{number<&Policy::window>, 0, 20}},
};

// ---- values

using Wrong = std::optional<Sentence>;  // "must be …", to follow the name and value, or nothing
constexpr std::string_view none = "none";

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127 && c != ','; });
}

/// 00:00 UTC of a day of the Gregorian calendar, written YYYY-MM-DD.
std::optional<UnixTime> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = parse_decimal<unsigned>(text.substr(0, 4));
    const auto month = parse_decimal<unsigned>(text.substr(5, 2));
    const auto of_month = parse_decimal<unsigned>(text.substr(8, 2));
    if (!year || !month || !of_month) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(*month), std::chrono::day(*of_month)};
    if (!date.ok()) return std::nullopt;
    return UnixTime{std::chrono::sys_days(date).time_since_epoch().count()} * day;
}

struct Reader {
    Settings& settings;
    std::string_view value;

    Wrong operator()(const Number& row) const {
        const auto number = parse_decimal<int>(value);
        if (!number || *number < row.lowest || *number > row.highest) return must_be(row);
        row.in(settings) = *number;
        return std::nullopt;
    }
    Wrong operator()(const Flag& row) const {
        if (value != "yes" && value != "no") return must_be(row);
        row.in(settings) = value == "yes";
        return std::nullopt;
    }
    Wrong operator()(const Text& row) const {
        row.in(settings) = value;
        if (!value.ends_with(' ')) row.in(settings) += ' ';  // which a settings file can't hold
        return std::nullopt;
    }
    Wrong operator()(const Path& row) const {
        if (!value.starts_with('/')) return must_be(row);
        row.in(settings) = value;
        return std::nullopt;
    }
    Wrong operator()(const Word& row) const {
        if (!is_word(value)) return must_be(row);
        row.in(settings) = row.may_be_none && value == none ? "" : value;
        return std::nullopt;
    }
    Wrong operator()(const Names& row) const {
        const auto words = value == none ? std::vector<std::string_view>() : split_list(value);
        if (!std::ranges::all_of(words, is_word)) return must_be(row);
        row.in(settings).assign(words.begin(), words.end());
        return std::nullopt;
    }
    Wrong operator()(const EngineWord& row) const {
        if (value != "files" && value != postgresql) return must_be(row);
        settings.engine = value == postgresql ? Engine::postgresql : Engine::files;
        return std::nullopt;
    }
    Wrong operator()(const HostList& row) const {
        auto hosts = parse_database_hosts(value);
        if (!hosts) return must_be(row);
        settings.database.hosts = value == none ? std::vector<DatabaseHost>() : *std::move(hosts);
        return std::nullopt;
    }
    Wrong operator()(const MissingStateWord& row) const {
        if (value != "refuse" && value != "new") return must_be(row);
        settings.missing_state = value == "new" ? MissingState::start_anew : MissingState::refuse;
        return std::nullopt;
    }
    Wrong operator()(const UnenrolledWord& row) const {
        for (const auto& [word, meaning] :
             {std::pair("refuse", Unenrolled::refuse), std::pair("ignore", Unenrolled::ignore),
              std::pair("enrol", Unenrolled::enrol)}) {
            if (value == word) {
                settings.unenrolled = meaning;
                return std::nullopt;
            }
        }
        return must_be(row);
    }
    Wrong operator()(const Day& row) const {
        const auto begin = parse_day(value);
        if (!begin && value != none) return must_be(row);
        row.in(settings) = begin;
        return std::nullopt;
    }
    Wrong operator()(const QrWord& row) const {
        const auto words = {"utf8", "utf8-light", "ascii", "none"};
        if (std::ranges::find(words, value) == words.end()) return must_be(row);
        settings.enrol_qr = value;
        return std::nullopt;
    }

    static Sentence must_be(const Number& row) {
        return tr("must be a number from %1 to %2", {row.lowest, row.highest});
    }
    static Sentence must_be(const Flag&) { return tr("must be yes or no"); }
    static Sentence must_be(const Text&) { return tr("must be text"); }
    static Sentence must_be(const Path&) { return tr("must be a path from /"); }
    static Sentence must_be(const Word& row) {
        return row.may_be_none ? tr("must be a word, or none") : tr("must be a word");
    }
    static Sentence must_be(const Names&) { return tr("must be names with commas between them, or none"); }
    static Sentence must_be(const EngineWord&) { return tr("must be files or postgresql"); }
    static Sentence must_be(const HostList&) {
        return tr("must be hosts, as db1.example.org, db2.example.org:5433 or [2001:db8::1], or none");
    }
    static Sentence must_be(const MissingStateWord&) { return tr("must be refuse or new"); }
    static Sentence must_be(const UnenrolledWord&) { return tr("must be refuse, ignore or enrol"); }
    static Sentence must_be(const Day&) { return tr("must be a day, as 2026-12-31, or none"); }
    static Sentence must_be(const QrWord&) { return tr("must be utf8, utf8-light, ascii or none"); }
};

struct Writer {
    Settings settings;

    std::string operator()(const Number& row) { return std::to_string(row.in(settings)); }
    std::string operator()(const Flag& row) { return row.in(settings) ? "yes" : "no"; }
    std::string operator()(const Text& row) { return row.in(settings); }
    std::string operator()(const Path& row) {
        const auto& path = row.in(settings);
        return path.empty() ? settings.state_directory() : path;  // follows the store until it is set
    }
    std::string operator()(const Word& row) {
        const auto& word = row.in(settings);
        return word.empty() ? std::string(none) : word;
    }
    std::string operator()(const Names&) { return std::string(none); }
    std::string operator()(const EngineWord&) { return "files"; }
    std::string operator()(const HostList&) { return std::string(none); }
    std::string operator()(const MissingStateWord&) { return "refuse"; }
    std::string operator()(const UnenrolledWord&) { return "refuse"; }
    std::string operator()(const Day&) { return "none"; }
    std::string operator()(const QrWord&) { return settings.enrol_qr; }
};

const Row* row_named(std::string_view name) {
    const auto row = std::ranges::find(table, name, &Row::name);
    return row == std::end(table) ? nullptr : row;
}

Wrong set(Settings& settings, const Row& row, std::string_view value) {
    return std::visit(Reader{settings, value}, row.kind);
}

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
    const auto here = line.where + ": " + printable(line.name);
    const auto* row = row_named(line.name);
    if (!line.part.empty() && line.part != postgresql)
        return refused(tr("%1: [%2] isn't a known section", {line.where, printable(line.part)}));
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
Failure no_argument(std::string_view name, const Row* row) {
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

    const auto* row = row_named(is_alias ? alias->name : name);
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
    if (is_alias && !alias->also.empty()) static_cast<void>(set(settings, *row_named(alias->also), value));
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

std::vector<SettingDescription> describe_settings() {
    std::vector<SettingDescription> all;
    for (const auto& [name, kind, is_argument_only, part] : table) {
        if (is_argument_only) continue;
        const auto range = std::visit([](const auto& row) { return Reader::must_be(row).english(); }, kind);
        all.push_back(
            {name, std::visit(Writer{}, kind), range.substr(std::string_view("must be ").size()), part});
    }
    return all;
}

std::vector<std::string_view> arguments_beside_settings() {
    std::vector names{config_argument.substr(0, config_argument.size() - 1), always_so};
    for (const auto& row : table) {
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
    return checked(*std::move(settings));
}

}  // namespace totp
