#include "enroll/bulk/hand_over.h"

#include "core/base32.h"
#include "core/recovery.h"
#include "enroll/foreign/lines.h"

namespace totp {
namespace {

constexpr std::string_view margin = "    ";
constexpr std::string_view scheme = "otpauth://";
constexpr std::size_t size_of_code = std::string_view("XXXX-XXXX-XXXX-XXXX").size();

void append_line(SecretBytes& text, std::string_view line) {
    text.append(line);
    text.append("\n");
}

void append_line(SecretBytes& text, const Sentence& line) {
    append_line(text, std::string_view(line.translated()));
}

void append_facts(SecretBytes& text, const HandOver& hand_over) {
    const auto& key = hand_over.key;
    append_line(text, tr("Account:   %1", {hand_over.user}));
    if (!key.issuer.empty()) append_line(text, tr("Issuer:    %1", {key.issuer}));
    if (key.label != hand_over.user) append_line(text, tr("Label:     %1", {key.label}));
    append_line(text, tr("Device:    %1 (%2)", {hand_over.device, parameters_of(key.credential)}));
    append_line(text, tr("QR code:   %1", {hand_over.picture}));
    append_line(text, tr("\nThe key, for an app that can't scan the QR code:"));
    text.append(margin);
    append_line(text, in_groups_of_four(base32_encode(key.credential.secret.octets())).text());
    append_line(text, tr("\nThe same as a key URI, for a password manager:"));
    append_line(text, format_key_uri(key, UriParameters::not_default).text());
}

void append_recovery_codes(SecretBytes& text, const HandOver& hand_over) {
    if (hand_over.recovery_codes.empty()) return;
    append_line(text,
                tr("\nRecovery codes, each good for one login without the device. Keep them somewhere safe,\n"
                   "apart from it:"));
    for (const auto& code : hand_over.recovery_codes) {
        text.append(margin);
        append_line(text, code.text());
    }
}

Sentence what_to_do() {
    return tr(
        "\nWhat to do\n"
        "  1. Open an authenticator app on your phone, add an account there, and scan the QR code or type in "
        "the key.\n"
        "  2. Log in as ever. After your password you are asked for a verification code: type the one that "
        "the app\n"
        "     shows then.\n"
        "  3. Show this to nobody. Destroy it and the QR code once you have logged in: whoever has them has "
        "your codes.\n");
}

}  // namespace

SecretBytes format_hand_over(const HandOver& hand_over) {
    SecretBytes text(tr("One-time codes for %1\n\n", {hand_over.user}).translated());
    append_facts(text, hand_over);
    append_recovery_codes(text, hand_over);
    text.append(what_to_do().translated());
    return text;
}

std::optional<KeyUri> key_in_hand_over(std::string_view text) {
    std::optional<KeyUri> found;
    for (const auto& line : lines_of(text)) {
        if (!line.text.starts_with(scheme)) continue;
        auto key = parse_key_uri(line.text);
        if (!key || found) return std::nullopt;
        found = *std::move(key);
    }
    return found;
}

std::vector<SecretBytes> recovery_codes_in_hand_over(std::string_view text) {
    std::vector<SecretBytes> codes;
    for (const auto& line : lines_of(text)) {
        if (!line.text.starts_with(margin)) continue;
        const auto code = line.text.substr(margin.size());
        if (code.size() == size_of_code && normalized_recovery_code(code)) codes.emplace_back(code);
    }
    return codes;
}

}  // namespace totp
