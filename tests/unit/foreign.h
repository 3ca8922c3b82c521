// What a reader of another program's file found, as text to compare with.
#pragma once

#include "core/hexadecimal.h"
#include "enroll/foreign/foreign_device.h"
#include "tests/unit/testing.h"

namespace totp::testing {

/// One line for what it is and what is spent, one for its recovery codes if there are any, one for each
/// remark.
inline std::string description_of(const ForeignDevice& device) {
    const auto& credential = device.credential;
    std::string text =
        std::string(name_of(credential.type)) + " " + std::string(name_of(credential.algorithm)) +
        " digits=" + std::to_string(credential.digits) + " period=" + std::to_string(credential.period) +
        " counter=" + std::to_string(credential.counter) + " next=" + std::to_string(device.next) +
        " drift=" + std::to_string(device.drift) + " last_used=" + std::to_string(device.last_used) +
        " secret=" + hexadecimal(credential.secret.octets()) + "\n";
    for (const auto& code : device.recovery_digits) text += "code " + std::string(code.text()) + "\n";
    for (const auto& clause : device.stricter) text += "stricter " + clause.english() + "\n";
    for (const auto& clause : device.not_taken) text += "not_taken " + clause.english() + "\n";
    for (const auto& clause : device.notes) text += "note " + clause.english() + "\n";
    return text;
}

/// A vector of two parts, the second being a file: what must come of it stands before the line "--".
inline std::pair<std::string, std::string> expectation_and_file(const fs::path& path) {
    const auto text = content_of(path);
    constexpr std::string_view joint = "--\n";
    const auto at = text.find(joint);
    claim(at != std::string::npos, path.string() + " has two parts");
    return {text.substr(0, at), text.substr(at + joint.size())};
}

}  // namespace totp::testing
