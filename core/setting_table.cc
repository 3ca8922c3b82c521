#include "core/setting_table.h"

#include <algorithm>
#include <chrono>

#include "core/decimal.h"

namespace totp {
namespace {

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

constexpr int day = 86'400;

constexpr Setting table[] = {
    {"administrator_certificate", Path{database<&Database::administrator_certificate>}, false, in_postgresql},
    {"administrator_private_key", Path{database<&Database::administrator_private_key>}, false, in_postgresql},
    {"break_glass", Names{field<&Settings::break_glass>}},
    {"budget", Number{number<&Policy::budget>, 1, 10'000}},
    {"budget_drain", Number{number<&Policy::budget_drain>, 1, 10'000}},
    {"certificate", Path{database<&Database::certificate>}, false, in_postgresql},
    {"database", Word{database<&Database::name>}, false, in_postgresql},
    {"deadline", Number{database<&Database::deadline>, 1, 30}, false, in_postgresql},
    {"debug", Flag{field<&Settings::debug>}},
    {"delay", Number{number<&Policy::delay>, 1, day}},
    {"echo", Flag{field<&Settings::echo>}},
    {"engine", EngineWord{}},
    {"enrol_by", Day{field<&Settings::enrol_by>}},
    {"enrol_qr", QrWord{}},
    {"enrol_until", Day{field<&Settings::enrol_until>}},
    {"forward_pass", Flag{field<&Settings::forward_pass>}, true},
    {"free_failures", Number{number<&Policy::free_failures>, 0, 10'000}},
    {"hosts", HostList{}, false, in_postgresql},
    {"hotp_look_ahead", Number{number<&Policy::hotp_look_ahead>, 0, 100}},
    {"key", Path{field<&Settings::key>}},
    {"max_delay", Number{number<&Policy::max_delay>, 1, day}},
    {"max_drift", Number{number<&Policy::max_drift>, 0, 100}},
    {"max_failures", Number{number<&Policy::max_failures>, 1, 10'000}},
    {"missing_state", MissingStateWord{}},
    {"once", Flag{field<&Settings::once>}, true},
    {"private_key", Path{database<&Database::private_key>}, false, in_postgresql},
    {"prompt", Text{field<&Settings::prompt>}},
    {"quiet", Flag{field<&Settings::quiet>}},
    {"remember", Number{number<&Policy::remember>, 0, 90 * day}},
    {"resync_window", Number{number<&Policy::resync_window>, 0, 100}},
    {"root_certificate", Path{database<&Database::root_certificate>}, false, in_postgresql},
    {"state", Path{field<&Settings::state>}},
    {"store", Path{field<&Settings::store>}},
    {"try_first_pass", Flag{field<&Settings::try_first_pass>}, true},
    {"unenrolled", UnenrolledWord{}},
    {"use_first_pass", Flag{field<&Settings::use_first_pass>}, true},
    {"user", Word{database<&Database::user>, true}, false, in_postgresql},
    {"window", Number{number<&Policy::window>, 0, 20}},
};

using Wrong = std::optional<Sentence>;
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
        if (value.find_first_not_of(" \t") == value.npos) return must_be(row);
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
        if (value != "files" && value != "postgresql") return must_be(row);
        settings.engine = value == "postgresql" ? Engine::postgresql : Engine::files;
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

}  // namespace

const Setting* setting_named(std::string_view name) {
    const auto row = std::ranges::find(table, name, &Setting::name);
    return row == std::end(table) ? nullptr : row;
}

std::span<const Setting> all_settings() { return table; }

std::optional<Sentence> set(Settings& settings, const Setting& setting, std::string_view value) {
    return std::visit(Reader{settings, value}, setting.kind);
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

}  // namespace totp
