#include "core/policy.h"
#include "core/percent.h"

#include <ctime>
#include <functional>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// Directories as of the vendor and the administrator, with nothing in them yet.
class SettingsTree {
  public:
    SettingsTree() {
        for (const auto* directory : {"vendor", "etc"}) {
            fs::create_directories(path(directory) / "pam_totp.conf.d");
        }
    }

    fs::path path(const fs::path& name) const { return directory_.path() / name; }
    SettingsPlaces places() const { return {path("vendor"), path("etc"), geteuid()}; }
    void write(const fs::path& name, std::string_view content, unsigned mode = 0644) const {
        write_file(path(name), content, mode);
    }

    Result<Settings> read() const { return read_settings(places()); }
    Result<Settings> for_line(const std::vector<const char*>& arguments) const {
        return settings_for_line(places(), arguments);
    }

  private:
    TemporaryDirectory directory_;
};

const fs::path main_file = "etc/pam_totp.conf";
const fs::path drop_in = "etc/pam_totp.conf.d/50-local.conf";

std::string day_text(const std::optional<UnixTime>& begin) {
    if (!begin) return "none";
    std::tm utc{};
    gmtime_r(&*begin, &utc);
    char text[sizeof "9999-12-31"];
    static_cast<void>(std::strftime(text, sizeof text, "%Y-%m-%d", &utc));
    return *begin % 86'400 == 0 ? text : "not the begin of a day";
}

std::string word_for(Unenrolled unenrolled) {
    switch (unenrolled) {
        case Unenrolled::refuse: return "refuse";
        case Unenrolled::ignore: return "ignore";
        case Unenrolled::enrol: return "enrol";
    }
    return "";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

/// Each setting as text, by the name it has in files and arguments.
std::map<std::string, std::string> texts_of(const Settings& settings) {
    const auto& policy = settings.policy;
    const auto yes_or_no = [](bool is_set) { return std::string(is_set ? "yes" : "no"); };
    const auto& database = settings.database;
    return {
        {"administrator_certificate", database.administrator_certificate},
        {"administrator_private_key", database.administrator_private_key},
        {"break_glass", or_none(joined(settings.break_glass))},
        {"budget", std::to_string(policy.budget)},
        {"budget_drain", std::to_string(policy.budget_drain)},
        {"certificate", database.certificate},
        {"database", database.name},
        {"deadline", std::to_string(database.deadline)},
        {"debug", yes_or_no(settings.debug)},
        {"delay", std::to_string(policy.delay)},
        {"echo", yes_or_no(settings.echo)},
        {"engine", settings.engine == Engine::postgresql ? "postgresql" : "files"},
        {"enrol_by", day_text(settings.enrol_by)},
        {"enrol_qr", settings.enrol_qr},
        {"enrol_until", day_text(settings.enrol_until)},
        {"free_failures", std::to_string(policy.free_failures)},
        {"hosts", or_none(format_database_hosts(database.hosts))},
        {"hotp_look_ahead", std::to_string(policy.hotp_look_ahead)},
        {"key", settings.key},
        {"max_delay", std::to_string(policy.max_delay)},
        {"max_drift", std::to_string(policy.max_drift)},
        {"max_failures", std::to_string(policy.max_failures)},
        {"missing_state", settings.missing_state == MissingState::start_anew ? "new" : "refuse"},
        {"private_key", database.private_key},
        {"prompt", settings.prompt},
        {"quiet", yes_or_no(settings.quiet)},
        {"remember", std::to_string(policy.remember)},
        {"resync_window", std::to_string(policy.resync_window)},
        {"root_certificate", database.root_certificate},
        {"state", settings.state},
        {"store", settings.store},
        {"unenrolled", word_for(settings.unenrolled)},
        {"user", or_none(database.user)},
        {"window", std::to_string(policy.window)},
    };
}

std::string text_of(const Settings& settings, const std::string& name) { return texts_of(settings).at(name); }

/// NAME, two values it may have, neither being the default.
std::vector<Fields> settings_with_values() { return vector_table("settings_good.txt", 3); }

/// NAME, a value it may not have, what the failure says.
std::vector<Fields> settings_with_wrong_values() { return vector_table("settings_bad.txt", 3); }

/// The part of a file that the setting stands in; empty: before all parts.
std::string part_of(const std::string& name) {
    for (const auto& row : describe_settings()) {
        if (row.name == name) return std::string(row.part);
    }
    return "";
}

/// The setting where it belongs in a file; its own line is the last.
std::string line_of(const std::string& name, const std::string& value) {
    const auto part = part_of(name);
    return (part.empty() ? "" : "[" + part + "]\n") + name + " = " + value + "\n";
}

// ---- each setting, from each source

void there_is_a_vector_for_each_setting(void**) {
    std::map<std::string, int> named;
    for (const auto& row : settings_with_values()) named[row[0]] = 1;
    for (const auto& row : describe_settings())
        claim(named.erase(std::string(row.name)) == 1, std::string(row.name));
    assert_true(named.empty());
}

void takes_each_setting_from_the_file(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_values()) {
        tree.write(main_file, line_of(row[0], row[1]));
        assert_text(trimmed(text_of(value_of(tree.read()), row[0])), row[1]);
    }
}

void a_drop_in_counts_before_the_file(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_values()) {
        tree.write(main_file, line_of(row[0], row[1]));
        tree.write(drop_in, line_of(row[0], row[2]));
        assert_text(trimmed(text_of(value_of(tree.read()), row[0])), row[2]);
    }
}

void an_argument_counts_before_file_and_drop_in(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_values()) {
        tree.write(main_file, line_of(row[0], row[2]));
        tree.write(drop_in, line_of(row[0], row[2]));
        if (!part_of(row[0]).empty()) continue;
        const auto argument = row[0] + "=" + row[1];
        std::vector arguments{argument.c_str()};
        if (row[0].starts_with("enrol_")) arguments.push_back("unenrolled=enrol");
        const auto settings = value_of(tree.for_line(arguments));
        assert_text(trimmed(text_of(settings, row[0])), row[1]);
    }
}

void a_setting_changes_nothing_but_itself(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_values()) {
        tree.write(main_file, line_of(row[0], row[1]));
        auto expected = texts_of({});
        expected[row[0]] = text_of(value_of(tree.read()), row[0]);
        claim(texts_of(value_of(tree.read())) == expected, row[0]);
    }
}

void the_last_argument_counts(void**) {
    const SettingsTree tree;
    assert_int_equal(value_of(tree.for_line({"window=2", "window=3"})).policy.window, 3);
}

void has_the_defaults_of_the_design(void**) {
    const std::map<std::string, std::string> defaults = {
        {"administrator_certificate", "/etc/pam-totp/administrator.crt"},
        {"administrator_private_key", "/etc/pam-totp/administrator.key"},
        {"break_glass", "none"},
        {"budget", "100"},
        {"budget_drain", "4"},
        {"certificate", "/etc/pam-totp/postgresql.crt"},
        {"database", "totp"},
        {"deadline", "3"},
        {"debug", "no"},
        {"delay", "30"},
        {"echo", "no"},
        {"engine", "files"},
        {"enrol_by", "none"},
        {"enrol_qr", "utf8"},
        {"enrol_until", "none"},
        {"free_failures", "4"},
        {"hosts", "none"},
        {"hotp_look_ahead", "10"},
        {"key", "/etc/pam-totp/key"},
        {"max_delay", "3600"},
        {"max_drift", "20"},
        {"max_failures", "100"},
        {"missing_state", "refuse"},
        {"private_key", "/etc/pam-totp/postgresql.key"},
        {"prompt", "Verification code: "},
        {"quiet", "no"},
        {"remember", "0"},
        {"resync_window", "20"},
        {"root_certificate", "/etc/pam-totp/postgresql-root.crt"},
        {"state", ""},
        {"store", "/var/lib/pam-totp"},
        {"unenrolled", "refuse"},
        {"user", "none"},
        {"window", "1"},
    };
    const SettingsTree tree;
    assert_true(texts_of(value_of(tree.read())) == defaults);
    assert_true(texts_of(value_of(tree.for_line({}))) == defaults);
}

void describes_each_setting_with_its_default(void**) {
    auto defaults = texts_of({});
    defaults["state"] = Settings{}.state_directory();  // where it is as long as it isn't set
    for (const auto& row : describe_settings()) {
        assert_text(row.default_value, defaults.at(std::string(row.name)));
        claim(!row.range.empty(), std::string(row.name));
    }
}

// ---- wrong values

void refuses_wrong_values_in_the_file_and_names_the_line(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_wrong_values()) {
        tree.write(main_file, "# a comment\n\n" + line_of(row[0], row[1]));
        const auto where = tree.path(main_file).string() + (part_of(row[0]).empty() ? ":3: " : ":4: ");
        assert_failure(tree.read(), Trouble::settings, where + row[0]);
        assert_failure(tree.read(), Trouble::settings, row[2]);
    }
}

void refuses_wrong_values_in_a_drop_in_and_names_the_line(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_wrong_values()) {
        tree.write(drop_in, line_of(row[0], row[1]));
        assert_failure(tree.read(), Trouble::settings,
                       tree.path(drop_in).string() + (part_of(row[0]).empty() ? ":1: " : ":2: ") + row[0]);
    }
}

void refuses_wrong_values_in_arguments_and_names_the_argument(void**) {
    const SettingsTree tree;
    for (const auto& row : settings_with_wrong_values()) {
        if (!part_of(row[0]).empty()) continue;
        const auto argument = row[0] + "=" + row[1];
        assert_failure(tree.for_line({"debug", argument.c_str()}), Trouble::settings,
                       "the argument " + argument + " " + row[2]);
    }
}

void refuses_a_wrong_value_even_where_a_right_one_counts_before_it(void**) {
    const SettingsTree tree;
    tree.write(main_file, "window = 99\n");
    tree.write(drop_in, "window = 1\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:1: window");
    assert_failure(tree.for_line({"window=1"}), Trouble::settings, "pam_totp.conf:1: window");
}

void refuses_names_it_does_not_know(void**) {
    const SettingsTree tree;
    for (const auto* argument : {"windows=1", "Window=1", "quite", "", "=", "=1", "window =1", " window=1"}) {
        assert_failure(tree.for_line({argument}), Trouble::settings, "isn't known: see pam_totp(8)");
    }
    tree.write(main_file, "window = 2\nwindows = 1\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:2: windows isn't a setting");
}

void refuses_a_setting_outside_its_part_of_the_file(void**) {
    const SettingsTree tree;
    tree.write(main_file, "hosts = db1\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:1: hosts belongs in [postgresql]");
    tree.write(main_file, "[postgresql]\nhosts = db1\nwindow = 1\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:3: window belongs before all sections");
    assert_failure(SettingsTree().for_line({"hosts=db1"}), Trouble::settings,
                   "the argument hosts belongs in [postgresql]");
}

void takes_both_parts_of_a_file(void**) {
    const SettingsTree tree;
    tree.write(main_file,
               "window = 3\n\n# how\n [postgresql]\nhosts = db1, [2001:db8::1]:5433\ndeadline = 2\n");
    tree.write(drop_in, "[postgresql]\nhosts = db2\n");
    const auto settings = value_of(tree.read());
    assert_int_equal(settings.policy.window, 3);
    assert_int_equal(settings.database.deadline, 2);
    assert_true(settings.database.hosts == std::vector<DatabaseHost>{{.name = "db2"}});
}

void an_empty_part_says_nothing(void**) {
    const SettingsTree tree;
    tree.write(main_file, "window = 3\n[postgresql]\n# hosts = db1\n");
    assert_int_equal(value_of(tree.read()).policy.window, 3);
    tree.write(main_file, "window = 3\n# which\n [postgrsql] \n# hosts = db1\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:3: [postgrsql] isn't a known section");
}

void knows_which_file_it_was_told_to_read(void**) {
    const SettingsTree tree;
    tree.write("named.conf", "window = 3\n");
    assert_text(value_of(tree.for_line({("config=" + tree.path("named.conf").string()).c_str()})).file,
                tree.path("named.conf").string());
    assert_text(value_of(tree.for_line({})).file, "");
}

void shows_no_control_characters_of_what_it_refuses(void**) {
    const auto refused = SettingsTree().for_line({"win\x1B[31mdow"});
    assert_failure(refused, Trouble::settings, "win%1B[31mdow");
}

void refuses_an_argument_without_the_value_it_needs(void**) {
    for (const auto* argument : {"window", "prompt", "authtok_prompt", "store", "unenrolled"}) {
        assert_failure(SettingsTree().for_line({argument}), Trouble::settings,
                       "the argument " + std::string(argument) + " has no value");
    }
}

void refuses_a_value_where_none_is_taken(void**) {
    for (const std::string argument : {"nullok", "echo_verification_code", "noskewadj"}) {
        assert_failure(SettingsTree().for_line({(argument + "=yes").c_str()}), Trouble::settings,
                       "the argument " + argument + " takes no value");
    }
}

void refuses_contradictions_and_names_both_settings(void**) {
    const std::pair<std::string, std::vector<std::string>> table[] = {
        {"max_drift = 10\n", {"resync_window (20)", "max_drift (10)"}},
        {"resync_window = 21\n", {"resync_window (21)", "max_drift (20)"}},
        {"delay = 3601\n", {"delay (3601)", "max_delay (3600)"}},
        {"max_delay = 29\n", {"delay (30)", "max_delay (29)"}},
    };
    const SettingsTree tree;
    for (const auto& [line, parts] : table) {
        tree.write(main_file, line);
        for (const auto& part : parts) assert_failure(tree.read(), Trouble::settings, part);
    }
}

void refuses_contradictions_between_file_and_arguments(void**) {
    const SettingsTree tree;
    tree.write(main_file, "max_drift = 30\nresync_window = 30\n");
    value_of(tree.for_line({}));
    assert_failure(tree.for_line({"max_drift=29"}), Trouble::settings,
                   "must not be more than max_drift (29)");
}

void takes_values_that_agree_only_together(void**) {
    const auto settings = value_of(SettingsTree().for_line({"max_drift=5", "resync_window=5"}));
    assert_int_equal(settings.policy.max_drift, 5);
}

// ---- aliases and flags

/// A whole PAM line's arguments.
Result<Settings> for_words(const std::string& line) {
    std::istringstream text(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
    std::vector<const char*> arguments;
    for (const auto& word : words) arguments.push_back(word.c_str());
    return SettingsTree().for_line(arguments);
}

void enrolling_ends_with_its_last_day(void**) {
    const SettingsTree tree;
    const auto settings = value_of(tree.for_line({"unenrolled=enrol", "enrol_until=2026-12-31"}));
    constexpr UnixTime end = 1'798'675'200;  // 2026-12-31 00:00 UTC
    assert_true(unenrolled_at(settings, end - 1) == Unenrolled::enrol);
    assert_true(unenrolled_at(settings, end) == Unenrolled::refuse);
    const auto endless = value_of(tree.for_line({"unenrolled=enrol"}));
    assert_true(unenrolled_at(endless, end) == Unenrolled::enrol);
}

void days_in_a_file_are_for_the_lines_that_let_enrol(void**) {
    const SettingsTree tree;
    tree.write(main_file, "enrol_by = 2026-12-01\nenrol_until = 2026-12-31\n");
    constexpr UnixTime end = 1'798'675'200;  // 2026-12-31 00:00 UTC
    for (const auto& [argument, at_the_end] :
         {std::pair("unenrolled=enrol", Unenrolled::refuse),
          std::pair("unenrolled=ignore", Unenrolled::ignore), std::pair("nullok", Unenrolled::ignore),
          std::pair("unenrolled=refuse", Unenrolled::refuse)}) {
        claim(unenrolled_at(value_of(tree.for_line({argument})), end) == at_the_end, argument);
    }
}

void refuses_days_on_a_line_that_lets_nobody_enrol(void**) {
    const SettingsTree tree;
    for (const auto* line :
         {"enrol_until=2020-01-01", "nullok enrol_until=2020-01-01",
          "enrol_until=2020-01-01 unenrolled=ignore", "unenrolled=refuse enrol_until=2020-01-01",
          "unenrolled=enrol enrol_until=2020-01-01 nullok", "enrol_by=none enrol_until=2020-01-01"}) {
        assert_failure(for_words(line), Trouble::settings,
                       "the argument enrol_until=2020-01-01 counts with unenrolled=enrol alone");
    }
    assert_failure(for_words("nullok enrol_by=2020-01-01"), Trouble::settings,
                   "the argument enrol_by=2020-01-01 counts");
    value_of(for_words("nullok enrol_by=none enrol_until=none"));
    value_of(for_words("enrol_until=2020-01-01 unenrolled=enrol"));
    tree.write(main_file, "unenrolled = enrol\n");
    value_of(tree.for_line({"enrol_until=2020-01-01"}));
    assert_failure(tree.for_line({"nullok", "enrol_until=2020-01-01"}), Trouble::settings,
                   "enrol_until=2020-01-01");
}

void the_days_of_enrolling_are_in_order(void**) {
    const SettingsTree tree;
    assert_failure(tree.for_line({"unenrolled=enrol", "enrol_by=2026-12-31", "enrol_until=2026-12-31"}),
                   Trouble::settings, "of the settings enrol_until must be a later day than enrol_by");
    value_of(tree.for_line({"unenrolled=enrol", "enrol_by=2026-12-31", "enrol_until=2027-01-01"}));
}

void knows_the_names_other_modules_have(void**) {
    const auto settings = value_of(
        SettingsTree().for_line({"nullok", "authtok_prompt=Code please:", "echo_verification_code"}));
    assert_true(settings.unenrolled == Unenrolled::ignore);
    assert_true(settings.echo);
    assert_text(settings.prompt, "Code please: ");
}

/// Every setting, and what is said of one line alone.
std::map<std::string, std::string> all_texts_of(const Settings& settings) {
    auto texts = texts_of(settings);
    for (const auto& [name, is_set] : {std::pair("use_first_pass", settings.use_first_pass),
                                       {"try_first_pass", settings.try_first_pass},
                                       {"forward_pass", settings.forward_pass},
                                       {"once", settings.once}}) {
        texts[name] = is_set ? "yes" : "no";
    }
    return texts;
}

void takes_lines_of_other_modules_where_they_mean_the_same(void**) {
    for (const auto& row : vector_table("lines_of_other_modules.txt", 2)) {
        claim(all_texts_of(value_of(for_words(row[0]))) == all_texts_of(value_of(for_words(row[1]))), row[0]);
    }
}

void tells_what_to_use_instead_of_other_modules_arguments(void**) {
    for (const auto& row : vector_table("foreign_options.txt", 2)) {
        const auto name = row[0].substr(0, row[0].find('='));
        assert_failure(for_words(row[0]), Trouble::settings, "the argument " + name + " is pam_");
        assert_failure(for_words(row[0]), Trouble::settings, row[1]);
    }
}

void each_way_to_the_code_is_an_argument(void**) {
    assert_true(value_of(for_words("use_first_pass")).use_first_pass);
    assert_true(value_of(for_words("try_first_pass")).try_first_pass);
    assert_true(value_of(for_words("forward_pass")).forward_pass);
    const auto none = value_of(for_words(""));
    assert_false(none.use_first_pass || none.try_first_pass || none.forward_pass);
}

void refuses_ways_to_the_code_that_exclude_each_other(void**) {
    const std::pair<std::string, std::vector<std::string>> table[] = {
        {"use_first_pass try_first_pass", {"use_first_pass", "try_first_pass"}},
        {"forward_pass use_first_pass try_first_pass", {"use_first_pass", "try_first_pass"}},
        {"echo forward_pass", {"echo", "forward_pass"}},
        {"forward_pass echo_verification_code", {"echo", "forward_pass"}},
    };
    for (const auto& [line, names] : table) {
        for (const auto& name : names) assert_failure(for_words(line), Trouble::settings, name);
        assert_failure(for_words(line), Trouble::settings, "exclude each other");
    }
    value_of(for_words("forward_pass echo=no"));
}

void the_prompt_for_both_is_the_administrators_if_there_is_one(void**) {
    assert_text(value_of(for_words("forward_pass")).prompt_for_both().english(),
                "Password & verification code: ");
    assert_text(value_of(for_words("forward_pass prompt=Both:")).prompt_for_both().english(), "Both: ");
}

void aliases_are_for_arguments_alone(void**) {
    const SettingsTree tree;
    for (const std::string name : {"nullok", "authtok_prompt", "echo_verification_code", "noskewadj",
                                   "no_increment_hotp", "grace_period", "config"}) {
        tree.write(main_file, line_of(name, "yes"));
        assert_failure(tree.read(), Trouble::settings, name + " isn't a setting");
    }
}

void a_flag_stands_with_or_without_a_value(void**) {
    const SettingsTree tree;
    tree.write(main_file, "echo = yes\n");
    assert_false(value_of(tree.for_line({"echo=no"})).echo);
    const auto settings = value_of(tree.for_line({"echo", "debug"}));
    assert_true(settings.echo && settings.debug);
}

void what_is_said_of_one_line_is_no_setting(void**) {
    const SettingsTree tree;
    assert_true(value_of(tree.for_line({"once"})).once);
    assert_false(value_of(tree.for_line({})).once);
    for (const std::string name : {"once", "use_first_pass", "try_first_pass", "forward_pass"}) {
        tree.write(main_file, line_of(name, "yes"));
        assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:1: " + name + " belongs on a PAM line");
    }
}

void the_prompt_ends_with_one_blank(void**) {
    for (const auto& [argument, prompt] :
         {std::pair("prompt=Code:", "Code: "), std::pair("prompt=Code: ", "Code: "),
          std::pair("prompt=a = b", "a = b ")}) {
        assert_text(value_of(SettingsTree().for_line({argument})).prompt, prompt);
    }
}

void refuses_a_prompt_that_asks_nothing(void**) {
    for (const std::string argument : {"prompt=", "prompt= ", "prompt=\t", "authtok_prompt="}) {
        assert_failure(SettingsTree().for_line({argument.c_str()}), Trouble::settings, " must be text");
    }
    const SettingsTree tree;
    tree.write(main_file, "window = 1\nprompt =\n");
    assert_failure(tree.read(), Trouble::settings, "pam_totp.conf:2: prompt must be text");
}

void login_states_lie_in_the_store_unless_they_have_a_directory_of_their_own(void**) {
    const SettingsTree tree;
    assert_text(value_of(tree.for_line({"store=/s"})).state_directory(), "/s/state");
    assert_text(value_of(tree.for_line({"store=/s", "state=/run/t"})).state_directory(), "/run/t");
}

// ---- which files

void no_file_at_all_means_the_defaults(void**) {
    const TemporaryDirectory empty;
    const auto settings = value_of(read_settings({empty.path() / "vendor", empty.path() / "etc", geteuid()}));
    assert_true(texts_of(settings) == texts_of({}));
}

void the_administrators_file_stands_in_place_of_the_vendors(void**) {
    const SettingsTree tree;
    tree.write("vendor/pam_totp.conf", "window = 5\nmax_failures = 7\n");
    assert_int_equal(value_of(tree.read()).policy.window, 5);
    tree.write(main_file, "window = 6\n");
    const auto policy = value_of(tree.read()).policy;
    assert_int_equal(policy.window, 6);
    assert_int_equal(policy.max_failures, 100);
}

void an_empty_file_of_the_administrator_hides_the_vendors(void**) {
    const SettingsTree tree;
    tree.write("vendor/pam_totp.conf", "window = 5\n");
    tree.write(main_file, "# nothing\n");
    assert_int_equal(value_of(tree.read()).policy.window, 1);
}

void drop_ins_count_in_the_order_of_their_names(void**) {
    const SettingsTree tree;
    tree.write("etc/pam_totp.conf.d/60-b.conf", "window = 6\n");
    tree.write("etc/pam_totp.conf.d/50-a.conf", "window = 5\nmax_drift = 50\n");
    tree.write("etc/pam_totp.conf.d/70-c.conf", "delay = 33\n");
    const auto policy = value_of(tree.read()).policy;
    assert_int_equal(policy.window, 6);
    assert_int_equal(policy.max_drift, 50);
    assert_int_equal(policy.delay, 33);
}

void drop_ins_of_the_administrator_count_before_the_vendors(void**) {
    const SettingsTree tree;
    tree.write("vendor/pam_totp.conf.d/50-a.conf", "window = 5\ndelay = 31\n");
    tree.write("etc/pam_totp.conf.d/60-b.conf", "window = 6\n");
    const auto policy = value_of(tree.read()).policy;
    assert_int_equal(policy.window, 6);
    assert_int_equal(policy.delay, 31);
}

void passes_over_files_that_are_no_drop_ins(void**) {
    const SettingsTree tree;
    for (const auto* name : {"README", "50-a.conf.bak", "50-a.conf~"}) {
        tree.write(fs::path("etc/pam_totp.conf.d") / name, "window = 9\n", 0666);
    }
    assert_int_equal(value_of(tree.read()).policy.window, 1);
}

void config_names_the_only_file_that_counts(void**) {
    const SettingsTree tree;
    tree.write(main_file, "window = 5\ndelay = 31\n");
    tree.write(drop_in, "window = 5\n");
    tree.write("other.conf", "window = 7\n");
    const auto config = "config=" + tree.path("other.conf").string();
    const auto policy = value_of(tree.for_line({"max_drift=40", config.c_str()})).policy;
    assert_int_equal(policy.window, 7);
    assert_int_equal(policy.delay, 30);
    assert_int_equal(policy.max_drift, 40);
}

void an_argument_counts_before_the_file_that_config_names(void**) {
    const SettingsTree tree;
    tree.write("other.conf", "window = 7\n");
    const auto config = "config=" + tree.path("other.conf").string();
    assert_int_equal(value_of(tree.for_line({"window=8", config.c_str()})).policy.window, 8);
}

void dev_null_means_the_defaults(void**) {
    const SettingsTree tree;
    tree.write(main_file, "window = 5\n");
    assert_int_equal(value_of(tree.for_line({"config=/dev/null"})).policy.window, 1);
    assert_true(texts_of(value_of(read_settings_file("/dev/null", geteuid()))) == texts_of({}));
}

void a_link_to_dev_null_hides_the_vendors_file(void**) {
    const SettingsTree tree;
    tree.write("vendor/pam_totp.conf", "window = 5\n");
    fs::create_symlink("/dev/null", tree.path(main_file));
    assert_int_equal(value_of(tree.read()).policy.window, 1);
}

// ---- files that aren't trusted or can't be read

/// Puts something at a path in place of a settings file, and says what the failure says.
struct BadFile {
    std::string error;
    std::function<void(const fs::path&)> make;
};

const std::vector<BadFile>& bad_files() {
    static const std::vector<BadFile> files = {
        {"can be written by others", [](const fs::path& path) { write_file(path, "window = 1\n", 0664); }},
        {"can be written by others", [](const fs::path& path) { write_file(path, "window = 1\n", 0646); }},
        {"isn't a regular file", [](const fs::path& path) { fs::create_directory(path); }},
        {"isn't a regular file", [](const fs::path& path) { mkfifo(path.c_str(), 0600); }},
        {"isn't a regular file", [](const fs::path& path) { fs::create_symlink("/dev/zero", path); }},
        {"can't be read: No such file", [](const fs::path& path) { fs::create_symlink("nowhere", path); }},
        {":1: ", [](const fs::path& path) { write_file(path, "window\n", 0644); }},
        {":2: ", [](const fs::path& path) { write_file(path, "window = 1\nwindow 2\n", 0644); }},
        {"[limits] isn't a known section",
         [](const fs::path& path) { write_file(path, "[limits]\nwindow = 1\n", 0644); }},
        {":1: window", [](const fs::path& path) { write_file(path, "window =\n", 0644); }},
        {":1: ", [](const fs::path& path) { write_file(path, "[]\n", 0644); }},
        {":1: ", [](const fs::path& path) { write_file(path, "[limits\n", 0644); }},
        {"is longer than 64 KiB",
         [](const fs::path& path) { write_file(path, std::string(65'536, '\n') + "window = 1\n", 0644); }},
        {":2: window has a second line",
         [](const fs::path& path) { write_file(path, "window = 1\n 2\n", 0644); }},
    };
    return files;
}

void refuses_bad_files_wherever_they_lie_and_names_them(void**) {
    for (const auto& [error, make] : bad_files()) {
        for (const auto& name : {main_file, drop_in, fs::path("vendor/pam_totp.conf"),
                                 fs::path("vendor/pam_totp.conf.d/50-a.conf")}) {
            const SettingsTree tree;
            make(tree.path(name));
            assert_failure(tree.read(), Trouble::settings, tree.path(name).string());
            assert_failure(tree.read(), Trouble::settings, error);
        }
    }
}

void refuses_bad_files_that_config_names(void**) {
    for (const auto& [error, make] : bad_files()) {
        const SettingsTree tree;
        make(tree.path("named.conf"));
        const auto config = "config=" + tree.path("named.conf").string();
        assert_failure(tree.for_line({config.c_str()}), Trouble::settings, tree.path("named.conf").string());
        assert_failure(tree.for_line({config.c_str()}), Trouble::settings, error);
    }
}

void the_file_that_config_names_must_be_there(void**) {
    const SettingsTree tree;
    const auto config = "config=" + tree.path("nowhere").string();
    assert_failure(tree.for_line({config.c_str()}), Trouble::settings, "nowhere can't be read: No such file");
    for (const auto* relative : {"config=", "config=nowhere"}) {
        assert_failure(tree.for_line({relative}), Trouble::settings,
                       std::string(relative) + " must be a path from /");
    }
}

void config_stands_there_once(void**) {
    assert_failure(SettingsTree().for_line({"config=/dev/null", "config=/dev/null"}), Trouble::settings,
                   "the argument config= stands there twice");
}

void refuses_a_file_of_another_user(void**) {
    const SettingsTree tree;
    tree.write(main_file, "window = 1\n");
    auto places = tree.places();
    places.owner = geteuid() + 1;
    if (geteuid() == 0) claim(chown(tree.path(main_file).c_str(), 1'234, 0) == 0, "a file can be given away");
    assert_failure(read_settings(places), Trouble::settings, "doesn't belong to root");
}

void refuses_a_file_it_may_not_read(void**) {
    if (geteuid() == 0) return;  // whom no mode stops
    const SettingsTree tree;
    tree.write(main_file, "window = 1\n", 0200);
    assert_failure(tree.read(), Trouble::settings, "can't be read: Permission denied");
}

// ---- what may stand in a line of the log

void printable_text_is_short_and_plain(void**) {
    assert_text(printable("a b=c%\n\x7F\xC3\xA4"), "a b=c%25%0A%7F%C3%A4");
    assert_int_equal(printable(std::string(1'000, 'x')).size(), 80);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_vector_for_each_setting),
        cmocka_unit_test(takes_each_setting_from_the_file),
        cmocka_unit_test(a_drop_in_counts_before_the_file),
        cmocka_unit_test(an_argument_counts_before_file_and_drop_in),
        cmocka_unit_test(a_setting_changes_nothing_but_itself),
        cmocka_unit_test(the_last_argument_counts),
        cmocka_unit_test(has_the_defaults_of_the_design),
        cmocka_unit_test(describes_each_setting_with_its_default),
        cmocka_unit_test(refuses_wrong_values_in_the_file_and_names_the_line),
        cmocka_unit_test(refuses_wrong_values_in_a_drop_in_and_names_the_line),
        cmocka_unit_test(refuses_wrong_values_in_arguments_and_names_the_argument),
        cmocka_unit_test(refuses_a_wrong_value_even_where_a_right_one_counts_before_it),
        cmocka_unit_test(refuses_names_it_does_not_know),
        cmocka_unit_test(refuses_a_setting_outside_its_part_of_the_file),
        cmocka_unit_test(takes_both_parts_of_a_file),
        cmocka_unit_test(an_empty_part_says_nothing),
        cmocka_unit_test(knows_which_file_it_was_told_to_read),
        cmocka_unit_test(shows_no_control_characters_of_what_it_refuses),
        cmocka_unit_test(refuses_an_argument_without_the_value_it_needs),
        cmocka_unit_test(refuses_a_value_where_none_is_taken),
        cmocka_unit_test(refuses_contradictions_and_names_both_settings),
        cmocka_unit_test(refuses_contradictions_between_file_and_arguments),
        cmocka_unit_test(takes_values_that_agree_only_together),
        cmocka_unit_test(enrolling_ends_with_its_last_day),
        cmocka_unit_test(days_in_a_file_are_for_the_lines_that_let_enrol),
        cmocka_unit_test(refuses_days_on_a_line_that_lets_nobody_enrol),
        cmocka_unit_test(the_days_of_enrolling_are_in_order),
        cmocka_unit_test(knows_the_names_other_modules_have),
        cmocka_unit_test(takes_lines_of_other_modules_where_they_mean_the_same),
        cmocka_unit_test(tells_what_to_use_instead_of_other_modules_arguments),
        cmocka_unit_test(each_way_to_the_code_is_an_argument),
        cmocka_unit_test(refuses_ways_to_the_code_that_exclude_each_other),
        cmocka_unit_test(the_prompt_for_both_is_the_administrators_if_there_is_one),
        cmocka_unit_test(aliases_are_for_arguments_alone),
        cmocka_unit_test(a_flag_stands_with_or_without_a_value),
        cmocka_unit_test(what_is_said_of_one_line_is_no_setting),
        cmocka_unit_test(the_prompt_ends_with_one_blank),
        cmocka_unit_test(refuses_a_prompt_that_asks_nothing),
        cmocka_unit_test(login_states_lie_in_the_store_unless_they_have_a_directory_of_their_own),
        cmocka_unit_test(no_file_at_all_means_the_defaults),
        cmocka_unit_test(the_administrators_file_stands_in_place_of_the_vendors),
        cmocka_unit_test(an_empty_file_of_the_administrator_hides_the_vendors),
        cmocka_unit_test(drop_ins_count_in_the_order_of_their_names),
        cmocka_unit_test(drop_ins_of_the_administrator_count_before_the_vendors),
        cmocka_unit_test(passes_over_files_that_are_no_drop_ins),
        cmocka_unit_test(config_names_the_only_file_that_counts),
        cmocka_unit_test(an_argument_counts_before_the_file_that_config_names),
        cmocka_unit_test(dev_null_means_the_defaults),
        cmocka_unit_test(a_link_to_dev_null_hides_the_vendors_file),
        cmocka_unit_test(refuses_bad_files_wherever_they_lie_and_names_them),
        cmocka_unit_test(refuses_bad_files_that_config_names),
        cmocka_unit_test(the_file_that_config_names_must_be_there),
        cmocka_unit_test(config_stands_there_once),
        cmocka_unit_test(refuses_a_file_of_another_user),
        cmocka_unit_test(refuses_a_file_it_may_not_read),
        cmocka_unit_test(printable_text_is_short_and_plain),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
