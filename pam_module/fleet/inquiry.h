// One question put to the database of a fleet: asked twice, and again on another connection where it isn't
// known what became of it. Knows in which order, and nothing of how a connection is made.
#pragma once

#include <optional>
#include <string>

#include "core/failure.h"
#include "core/secret_bytes.h"
#include "pam_module/checker.h"
#include "pam_module/fleet/connection.h"

namespace totp {

/// By which the database knows an account's own process: who is asked by it is at home.
inline constexpr const char* service_at_home = "totp_check";

/// The arguments of totp.verify(), the same each time it is asked.
struct Inquiry {
    std::string account;                  ///< empty: nobody, who is refused like everybody else
    std::optional<SecretBytes> response;  ///< nothing: is the account enrolled?
    std::string nonce;        ///< 16 random octets in hexadecimal, by which an attempt is known again
    std::string remote_host;  ///< or "local:UID"
    std::string service;
};

/// The question as totp.verify() takes it: text in printable ASCII. Of a response a blank or tab stays, and
/// what else no code has is '?', as all of one that is too long for a code: it is wrong as before. Fails
/// where there is no randomness.
Result<Inquiry> inquiry_about(const Subject& subject, const Question& question);

/// What the database says. Whatever is in doubt in the end is unavailable, with the reason; that a host is
/// shut out is one of the settings.
Answer answer_by(Connections& connections, const Inquiry& inquiry);

}  // namespace totp
