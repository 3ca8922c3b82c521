// What totp_check, totp_check_any and totp_check_postgresql have in common: a question read, decided, logged
// and answered. Whom a question may be about, and who knows the answer, is for each of them to say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

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

/// A login like one at a service of root's, as the caller of this uid claims it.
Subject subject_of_claim(const Claim& claim, uid_t caller);

/// The account of whoever runs this process, which a question without a claim is about.
Subject subject_of_caller(const char* service);

/// Whether the subject is enrolled, or what came of the question.
using Answer = std::variant<bool, Outcome>;

struct Checker {
    const char* program;             ///< its name, for the log
    std::string log_name;            ///< likewise, with what is known of who started it
    std::string settings_file = {};  ///< read in place of those at their places; empty: those
    bool is_decision_logged = true;  ///< here; else whoever asked does it

    /// Whom the question is about; nothing for a question that isn't for this program.
    std::function<std::optional<Subject>(const Question&)> subject_of;

    std::function<Answer(const Settings&, const Subject&, const Question&)> answer;
};

/// What is wrong where a setgid program has no group to borrow.
Failure without_group(Trouble trouble, const std::string& program);

/// Logs what came of a subject's response: the sentence for the administrator, if there is one, and the
/// decision.
void log_outcome(const std::string& log_name, const Subject& subject, const Outcome& outcome);

/// What the store knows, or that it can't be used. Refuses where the settings name another engine.
Answer answer_by_store(const char* program, const Result<std::unique_ptr<Store>>& store,
                       const Settings& settings, const Subject& subject, const Question& question);

/// Answers the one question on stdin by the settings that root has made, and returns what main() is to
/// return: 0 if an answer was given, whatever it says. To be called when the caller is distrusted
/// (core/privilege). Whatever fails lets nobody in, and is logged.
int answer_question(const Checker& checker);

}  // namespace totp
