// A settings file is taken as it stands there, every line of it, or refused; libeconf reads it, so it is a
// file.
#include <unistd.h>

#include "tests/fuzz/sound_settings.h"
#include "tests/fuzz/temporary_directory.h"

namespace {

bool says_something(std::string_view line) {
    const auto start = line.find_first_not_of(" \t\r");
    return start != std::string_view::npos && line[start] != '#';
}

/// Each line that says something is read once, and as what it says.
void promise_faithful(const std::vector<totp::SettingLine>& read, const std::string& file,
                      std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto where = file + ":" + std::to_string(number);
        const auto found = std::ranges::find(read, where, &totp::SettingLine::where);
        if (says_something(line)) promise(found != read.end());
        if (found == read.end()) continue;
        const auto name = line.find(found->name);
        promise(name != std::string_view::npos && line.find(found->value, name) != std::string_view::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string file = temporary_directory() / "pam_totp.conf";
    write_file(file, as_text(data, size));
    const auto settings = totp::read_settings_file(file, geteuid());
    if (!settings) {
        promise_printable(settings.failure());
        return 0;
    }
    promise_sound(*settings);
    promise(!settings->once && !settings->use_first_pass && !settings->try_first_pass &&
            !settings->forward_pass);
    const auto lines = totp::read_setting_lines(file, geteuid());
    promise(static_cast<bool>(lines));
    promise_faithful(*lines, file, as_text(data, size));
    return 0;
}
