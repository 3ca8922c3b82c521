#include "core/confirmation.h"

#include <cstdlib>

namespace totp {
std::string out_of_step(Counter counter, const Credential& credential, UnixTime now) {
    if (credential.type == CredentialType::hotp) {
        return "that code comes later: the device's counter is at " + std::to_string(counter) +
               ", was its button pressed often? Give the codes as they come from a new start";
    }
    const auto steps = static_cast<UnixTime>(counter - time_step(now, credential.period));
    return "that code is right for another time: the device's clock is about " +
           std::to_string(std::abs(steps) * credential.period) + " s " + (steps > 0 ? "ahead of" : "behind") +
           " this machine's; set the one that is wrong";
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
    explanation_ = hint(finding, now) + (has_tries_left() ? "; try the one shown now" : "");
    return std::nullopt;
}

std::string Confirmation::hint(const Finding& finding, UnixTime now) const {
    if (finding.reason == Reason::malformed) {
        return "that isn't a code of " + std::to_string(device_.credential.digits) + " digits";
    }
    if (!finding.near_miss) return "that code isn't right";
    return out_of_step(finding.near_miss->counter, device_.credential, now);
}

}  // namespace totp
