#include "enroll/device_name.h"

#include <algorithm>

#include "core/percent.h"

namespace totp {

std::string free_device_name(const Enrolment& enrolment) {
    std::string name = "phone";
    for (int number = 2; enrolment.device_named(name) != nullptr; ++number) {
        name = "phone-" + std::to_string(number);
    }
    return name;
}

std::optional<Failure> refuse_device_name(const std::optional<std::string>& name) {
    if (!name || is_device_name(*name)) return std::nullopt;
    return Failure{Trouble::input,
                   tr("--device '%1' isn't 1 to 32 letters, digits, '.', '_' or '-' (nor the word recovery)",
                      {printable(*name)})};
}

Sentence wrong_text(std::string_view text) {
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 127; };
    if (std::ranges::any_of(text, is_control)) return tr("a control character");
    return text.find(':') == std::string_view::npos ? Sentence() : tr("a colon, which key URIs can't carry,");
}

}  // namespace totp
