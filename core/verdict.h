// What was found about the person at the door, in the words of the log.
#pragma once

#include <optional>
#include <string_view>

namespace totp {

enum class [[nodiscard]] Verdict{
    accepted,     ///< right, and spent on disk
    refused,      ///< see Reason
    throttled,    ///< not looked at: too many failures before
    ignored,      ///< not enrolled, and the administrator lets such accounts pass
    unavailable,  ///< can't be decided: store, key or settings can't be used
};

enum class Reason {
    none,          ///< accepted, throttled
    wrong,         ///< no device gives this code, no recovery code is this
    replayed,      ///< right, but spent
    malformed,     ///< neither a code nor a recovery code by its shape, or empty
    password,      ///< the account's password, typed at our prompt
    dummy,         ///< what sshd answers for users it doesn't let in
    unenrolled,    ///< an account without enrolment
    unknown_user,  ///< no such account
    store,         ///< the store can't be used
    key,           ///< the host key can't be used
    settings,      ///< the settings or arguments are wrong
};

std::string_view word_for(Verdict verdict);
std::string_view word_for(Reason reason);

/// The reverse; nothing for a word that is none.
std::optional<Verdict> verdict_named(std::string_view word);
std::optional<Reason> reason_named(std::string_view word);

}  // namespace totp
