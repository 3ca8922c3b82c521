#include "core/emergency_codes.h"

#include "core/random.h"

namespace totp {

bool is_for_emergencies(const Enrolment& enrolment) {
    return enrolment.devices.size() == 1 && enrolment.devices.front().name == emergency_device;
}

Result<Enrolment> new_emergency_enrolment() {
    auto secret = random_bytes(recommended_secret_size(Algorithm::sha1));
    if (!secret) return secret.failure();
    return Enrolment{.devices = {{std::string(emergency_device),
                                  {.type = CredentialType::hotp, .secret = *std::move(secret)}}}};
}

}  // namespace totp
