// What totp_check and totp_check_any have in common: a question read, decided, logged and answered. Whom a
// question may be about, and how the store is reached, is for each of them to say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/place.h"
#include "core/policy.h"
#include "core/store.h"
#include "pam_module/check_protocol.h"

namespace totp {

/// Whom a question is about, and how a try of theirs counts.
struct Subject {
    std::optional<Account> account;  ///< nothing: nobody who could be enrolled
    std::string service;             ///< for the log
    std::string remote_host;         ///< likewise; empty: none
    Place place;
    bool is_at_home = false;  ///< the account's own process asks: no login, and from a known place always
};

struct Checker {
    const char* program;   ///< its name, for the log
    std::string log_name;  ///< likewise, with what is known of who started it

    /// Whom the question is about; nothing for a question that isn't for this program.
    std::function<std::optional<Subject>(const Question&)> subject_of;

    /// The store, or why it can't be used.
    std::function<Result<std::unique_ptr<Store>>(const Settings&)> open_store;
};

/// The account of that name or number as NSS has it, if it could have records.
std::optional<Account> account_named(const std::string& user);
std::optional<Account> account_numbered(uid_t uid);

/// Answers the one question on stdin by the settings that root has made, and returns what main() is to
/// return: 0 if an answer was given, whatever it says. To be called when the caller is distrusted
/// (core/privilege). Whatever fails lets nobody in, and is logged.
int answer_question(const Checker& checker);

}  // namespace totp
