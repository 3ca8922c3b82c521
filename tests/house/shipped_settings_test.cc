// conf/pam_totp.conf names every setting there is, once, at its default, and nothing else.
#include <fstream>
#include <map>
#include <regex>

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

void is_read_without_a_word(void**) {
    const auto settings = totp::read_settings_file(PAM_TOTP_SHIPPED_SETTINGS, geteuid());
    assert_true(static_cast<bool>(settings));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_every_setting_once_at_its_default),
        cmocka_unit_test(is_read_without_a_word),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
