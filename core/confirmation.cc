#include "core/confirmation.h"

#include <cstdlib>

namespace totp {

Sentence out_of_step(Counter counter, const Credential& credential, UnixTime now) {
    if (credential.type == CredentialType::hotp) {
        return tr(
            "that code comes later: the device's counter is at %1, was its button pressed often? Give the "
            "codes as they come from a new start",
            {counter});
    }
    const auto steps = static_cast<UnixTime>(counter - time_step(now, credential.period));
    const auto seconds = std::abs(steps) * credential.period;
    return steps > 0
               ? tr("that code is right for another time: the device's clock is about %1 s ahead of this "
                    "machine's; set the one that is wrong",
                    {seconds})
               : tr("that code is right for another time: the device's clock is about %1 s behind this "
                    "machine's; set the one that is wrong",
                    {seconds});
}

Confirmation::Confirmation(Device device, const Policy& policy, Place place)
    : device_(std::move(device)), policy_(policy), place_(std::move(place)) {}

std::optional<LoginState> Confirmation::take(const SecretBytes& code, UnixTime now) {
    const Enrolment alone{.devices = {device_}};
    auto finding =
        examine(alone, new_login_state(alone), policy_,
                {.response = code.text(), .password = "", .place = place_, .now = now}, std::nullopt);
    if (finding.reason == Reason::none) return std::move(finding.after);
    --tries_left_;
    explanation_ = hint(finding, now);
    if (has_tries_left()) explanation_ = tr("%1; try the one shown now", {explanation_});
    return std::nullopt;
}

Sentence Confirmation::hint(const Finding& finding, UnixTime now) const {
    if (finding.reason == Reason::malformed) {
        return tr("that isn't a code of %1 digits", {device_.credential.digits});
    }
    if (!finding.near_miss) return tr("that code isn't right");
    return out_of_step(finding.near_miss->counter, device_.credential, now);
}

}  // namespace totp
