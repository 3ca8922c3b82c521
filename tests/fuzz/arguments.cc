// The arguments of a PAM line, one a line: taken within their ranges, or refused in words fit for the log.
#include <string>
#include <vector>

#include "tests/fuzz/sound_settings.h"

namespace {

/// But no file that is really there is read.
std::vector<std::string> arguments_in(std::string_view text) {
    std::vector<std::string> arguments;
    while (!text.empty()) {
        const std::string argument(std::string(text.substr(0, text.find('\n'))).c_str());
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (!argument.starts_with("config=/")) arguments.push_back(argument);
    }
    return arguments;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto arguments = arguments_in(as_text(data, size));
    std::vector<const char*> line;
    for (const auto& argument : arguments) line.push_back(argument.c_str());
    const auto settings =
        totp::settings_for_line({.vendor = "/nonexistent", .administrator = "/nonexistent"}, line);
    if (!settings) {
        promise_printable(settings.failure());
        return 0;
    }
    promise_sound(*settings);
    const auto has = [&](std::string_view argument) { return std::ranges::count(arguments, argument) > 0; };
    promise(!settings->once || has("once") || has("once=yes"));
    promise(settings->unenrolled == totp::Unenrolled::refuse || has("nullok") || has("unenrolled=ignore") ||
            has("unenrolled=enrol"));
    promise(settings->missing_state == totp::MissingState::refuse || has("missing_state=new"));
    return 0;
}
