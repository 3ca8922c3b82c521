// conf/pam_totp.conf and the manual of it name every setting there is, once, with its default, and nothing
// else; pam_totp(8) every argument beside them.
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include <unistd.h>

#include "core/policy.h"
#include "tests/cmocka.h"

namespace {

/// The lines `# name = value`.
std::multimap<std::string, std::string> shipped_settings() {
    std::multimap<std::string, std::string> settings;
    const std::regex form("# ([a-z_]+) =(?: (.*))?");
    std::ifstream file(PAM_TOTP_SHIPPED_SETTINGS);
    for (std::string line; std::getline(file, line);) {
        if (std::smatch match; std::regex_match(line, match, form)) settings.emplace(match[1], match[2]);
    }
    return settings;
}

struct Described {
    std::string default_value;
    std::string range;
};

/// The entries `*name* (default; range)` of the manual, of which there may be several in a line.
std::multimap<std::string, Described> settings_of_manual() {
    std::multimap<std::string, Described> settings;
    const std::regex form(R"(\*([a-z_]+)\* \(([^;)]*)(?:; ([^)]*))?\))");
    std::ifstream file(PAM_TOTP_MANUAL_OF_SETTINGS);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with('*')) continue;
        for (auto entry = std::sregex_iterator(line.begin(), line.end(), form);
             entry != std::sregex_iterator(); ++entry)
            settings.emplace((*entry)[1], Described{(*entry)[2], (*entry)[3]});
    }
    return settings;
}

std::string without_last_blank(std::string text) {
    if (text.ends_with(' ')) text.pop_back();
    return text;
}

void names_every_setting_once_at_its_default(void**) {
    auto shipped = shipped_settings();
    for (const auto& setting : totp::describe_settings()) {
        const std::string name(setting.name);
        claim(shipped.count(name) == 1, name + " stands there once");
        assert_string_equal(shipped.find(name)->second.c_str(),
                            without_last_blank(setting.default_value).c_str());
        shipped.erase(name);
    }
    for (const auto& [name, value] : shipped) claim(false, name + " is a setting");
}

/// What the manual says of a range, at least: of a text or a path nothing.
std::string range_for_manual(const std::string& range) {
    constexpr std::string_view of_number = "a number from ";
    if (range == "text" || range == "a path from /") return "";
    return range.starts_with(of_number) ? range.substr(of_number.size()) : range;
}

void manual_has_every_setting_once_with_its_default_and_range(void**) {
    auto described = settings_of_manual();
    for (const auto& setting : totp::describe_settings()) {
        const std::string name(setting.name);
        claim(described.count(name) == 1, name + " stands there once");
        const auto& [default_value, range] = described.find(name)->second;
        assert_string_equal(without_last_blank(default_value).c_str(),
                            without_last_blank(setting.default_value).c_str());
        claim(range.starts_with(range_for_manual(setting.range)), name + " must be " + setting.range);
        described.erase(name);
    }
    for (const auto& [name, entry] : described) claim(false, name + " is a setting");
}

/// What stands as a heading under ARGUMENTS: `*once*`, `*config=*_FILE_`, several in a line.
std::set<std::string> arguments_of_manual() {
    std::set<std::string> arguments;
    const std::regex form(R"(\*([a-z_]+)[=*])");
    std::ifstream file(PAM_TOTP_MANUAL_OF_MODULE);
    std::string line;
    while (std::getline(file, line) && line != "# ARGUMENTS") {
    }
    while (std::getline(file, line) && !line.starts_with('#')) {
        if (!line.starts_with('*')) continue;
        for (auto name = std::sregex_iterator(line.begin(), line.end(), form); name != std::sregex_iterator();
             ++name) {
            arguments.insert((*name)[1]);
        }
    }
    return arguments;
}

void manual_of_module_has_every_argument_beside_them(void**) {
    auto described = arguments_of_manual();
    for (const auto name : totp::arguments_beside_settings())
        claim(described.erase(std::string(name)) == 1, std::string(name) + " stands there");
    for (const auto& name : described) claim(false, name + " is an argument");
}

void is_read_without_a_word(void**) {
    const auto settings = totp::read_settings_file(PAM_TOTP_SHIPPED_SETTINGS, geteuid());
    assert_true(static_cast<bool>(settings));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_every_setting_once_at_its_default),
        cmocka_unit_test(manual_has_every_setting_once_with_its_default_and_range),
        cmocka_unit_test(manual_of_module_has_every_argument_beside_them),
        cmocka_unit_test(is_read_without_a_word),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
