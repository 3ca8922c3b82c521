#include "core/enrolment.h"

#include <algorithm>
#include <set>

#include "core/decimal.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view recovery_word = "recovery ";
constexpr std::string_view expires_word = " expires=";
constexpr std::string_view digits_word = " digits=8";

std::optional<Sentence> take_device(std::string_view line, Enrolment& enrolment) {
    auto key = parse_key_uri(line);
    if (!key) return key.failure().message;
    if (!is_device_name(key->label) || !key->issuer.empty()) return tr("the label isn't a device's name");
    enrolment.devices.emplace_back(std::move(key->label), std::move(key->credential));
    return std::nullopt;
}

std::optional<Sentence> take_recovery(std::string_view line, Enrolment& enrolment) {
    line.remove_prefix(recovery_word.size());
    RecoveryHash code;
    if (line.ends_with(digits_word)) {
        code.form = RecoveryForm::digits;
        line.remove_suffix(digits_word.size());
    }
    if (const auto at = line.find(expires_word); at != std::string_view::npos) {
        code.expires = parse_decimal<UnixTime>(line.substr(at + expires_word.size()));
        if (!code.expires) return tr("the expiry isn't a number of seconds");
        line = line.substr(0, at);
    }
    if (!is_recovery_hash(line)) return tr("the recovery code isn't a yescrypt hash");
    code.hash = line;
    enrolment.recovery.push_back(std::move(code));
    return std::nullopt;
}

std::optional<Sentence> take_line(std::string_view line, Enrolment& enrolment) {
    if (line.starts_with(recovery_word)) return take_recovery(line, enrolment);
    return take_device(line, enrolment);
}

Failure refused(const Sentence& clause) { return {Trouble::store, clause}; }

}  // namespace

const Device* Enrolment::device_named(std::string_view name) const {
    const auto device = std::ranges::find(devices, name, &Device::name);
    return device == devices.end() ? nullptr : &*device;
}

bool is_device_name(std::string_view name) {
    const auto may_stand = [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; };
    return !name.empty() && name.size() <= 32 && is_alphanumeric(name.front()) &&
           std::ranges::all_of(name, may_stand) && name != "recovery";
}

SecretBytes format_enrolment(const Enrolment& enrolment) {
    SecretBytes text;
    for (const auto& device : enrolment.devices) {
        text.append(format_key_uri({device.credential, "", device.name}).text());
        text.append("\n");
    }
    for (const auto& code : enrolment.recovery) {
        text.append(recovery_word);
        text.append(code.hash);
        if (code.expires) text.append(std::string(expires_word) + std::to_string(*code.expires));
        if (code.form == RecoveryForm::digits) text.append(digits_word);
        text.append("\n");
    }
    return text;
}

std::optional<Sentence> contradiction_in(const Enrolment& enrolment) {
    if (enrolment.devices.empty()) return tr("no device");
    if (enrolment.devices.size() > maximum_devices) return tr("more than 8 devices");
    if (enrolment.recovery.size() > maximum_recovery_codes) return tr("more than 32 recovery codes");
    std::set<std::string> names;
    std::set<std::string_view> secrets;
    for (const auto& device : enrolment.devices) {
        if (!is_device_name(device.name)) return tr("a device whose name is none");
        if (!names.insert(device.name).second) return tr("two devices named %1", {device.name});
        if (!secrets.insert(device.credential.secret.text()).second) return tr("two devices with one secret");
    }
    std::set<std::string> codes;
    for (const auto& code : enrolment.recovery) {
        if (!is_recovery_hash(code.hash)) return tr("a recovery code that isn't a yescrypt hash");
        if (!codes.insert(code.id()).second) return tr("two recovery codes that are the same");
    }
    return std::nullopt;
}

Result<Enrolment> parse_enrolment(std::string_view text) {
    Enrolment enrolment;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return refused(tr("has no end of line %1", {number}));
        if (const auto wrong = take_line(text.substr(0, end), enrolment)) {
            return refused(tr("has a wrong line %1: %2", {number, *wrong}));
        }
        text.remove_prefix(end + 1);
    }
    if (const auto wrong = contradiction_in(enrolment)) return refused(tr("has %1", {*wrong}));
    return enrolment;
}

}  // namespace totp
