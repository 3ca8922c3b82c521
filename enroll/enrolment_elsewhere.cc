#include "enroll/enrolment_elsewhere.h"

#include "core/hexadecimal.h"
#include "enroll/json.h"
#include "enroll/standing.h"

namespace totp {
namespace {

/// A device, and the code that it has shown, as values of an order.
Values values_of(const Device& device, const std::optional<SecretBytes>& shown) {
    const auto& [type, algorithm, digits, period, counter, secret] = device.credential;
    const bool is_counter = type == CredentialType::hotp;
    return {value_of(device.name),
            value_of(hexadecimal(secret.octets())),
            value_of(is_counter ? "hotp" : "totp"),
            value_of(name_of(algorithm)),
            value_of(std::to_string(digits)),
            is_counter ? std::nullopt : value_of(std::to_string(period)),
            value_of(std::to_string(counter)),
            shown};
}

Failure is_wrong_there() {
    return {Trouble::system,
            tr("nothing was enrolled: by the database's clock that code isn't right; compare its "
               "clock and this machine's")};
}

/// What came of an order for a first enrolment.
Result<Codes> codes_of(const Result<Values>& enrolled) {
    if (!enrolled) return enrolled.failure();
    const auto texts = one_text_of(*enrolled);
    if (!texts) return is_wrong_there();
    Codes codes;
    for (const auto& code : Json::parse(*texts)) codes.emplace_back(code.get_ref<const SecretText&>());
    return codes;
}

}  // namespace

Result<std::optional<Enrolment>> names_elsewhere(const AccountElsewhere& account) {
    const auto standing = standing_of(account);
    if (!standing) return standing.failure();
    if (!standing->at("enrolled")) return std::optional<Enrolment>();
    Enrolment enrolment;
    enrolment.devices.reserve(standing->at("devices").size());
    for (const auto& device : standing->at("devices"))
        enrolment.devices.emplace_back(text_of(device.at("name")), Credential{});
    return std::optional(std::move(enrolment));
}

Result<Done> add_elsewhere(const AccountElsewhere& account, const Device& device,
                           const std::optional<SecretBytes>& shown) {
    const auto added = account.order("add_device", values_of(device, shown));
    if (!added) return added.failure();
    if (!says(*added, "t")) return is_wrong_there();
    return Done{};
}

Result<Codes> enrol_elsewhere(const AccountElsewhere& account, const Device& device,
                              const std::optional<SecretBytes>& shown, std::size_t recovery_codes) {
    auto values = values_of(device, shown);
    values.push_back(value_of(std::to_string(recovery_codes)));
    return codes_of(account.order("enrol_with_codes", std::move(values)));
}

Result<Codes> codes_elsewhere(const AccountElsewhere& account, const std::string& word,
                              const std::string& value) {
    auto made = account.order(word, {value_of(value)});
    if (!made) return made.failure();
    Codes codes;
    codes.reserve(made->size());
    for (auto& code : *made) codes.push_back(std::move(code).value_or(SecretBytes()));
    return codes;
}

Result<bool> takes_token(const AccountElsewhere& account, const SecretBytes& token) {
    const auto is_taken = account.order("takes_token", {token});
    if (!is_taken) return is_taken.failure();
    return says(*is_taken, "t");
}

Result<Codes> enrol_by_token(const AccountElsewhere& account, const SecretBytes& token, const Device& device,
                             const std::optional<SecretBytes>& shown, std::size_t recovery_codes) {
    auto values = values_of(device, shown);
    values.insert(values.begin(), token);
    values.push_back(value_of(std::to_string(recovery_codes)));
    return codes_of(account.order("enrol", std::move(values)));
}

}  // namespace totp
