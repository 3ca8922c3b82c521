// Devices to test with: each has a secret of its own, made from its name, and can be asked for its codes.
#pragma once

#include <cstdio>
#include <string>

#include "core/enrolment.h"

namespace totp::testing {

/// Twenty octets that belong to this name.
inline SecretBytes secret_named(std::string_view name) {
    SecretBytes secret;
    while (secret.size() < 20) secret.append(name);
    secret.resize(20);
    return secret;
}

/// `shape` says all but the secret.
inline Device device_of(const std::string& name, Credential shape) {
    shape.secret = secret_named(name);
    return {name, std::move(shape)};
}

/// As authenticator apps are: SHA-1, six digits, 30 s.
inline Device totp_device(const std::string& name) { return device_of(name, {}); }

inline Device hotp_device(const std::string& name, Counter counter = 0) {
    return device_of(name, {.type = CredentialType::hotp, .counter = counter});
}

/// What the device shows at `counter`.
inline std::string code_at(const Credential& credential, Counter counter) {
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    char text[16];
    std::snprintf(text, sizeof text, "%0*u", credential.digits, hash.code(counter, credential.digits));
    return text;
}

/// What the device shows `steps` steps after `now`.
inline std::string code_around(const Credential& credential, UnixTime now, int steps) {
    const auto step = static_cast<std::int64_t>(time_step(now, credential.period));
    return code_at(credential, static_cast<Counter>(step + steps));
}

}  // namespace totp::testing
