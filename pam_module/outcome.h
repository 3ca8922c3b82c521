// What one try came to, and what that is called in PAM's words and in the log's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/verifier.h"

namespace totp {

struct Outcome {
    Verdict verdict = Verdict::unavailable;
    Reason reason = Reason::none;
    std::string device;                ///< accepted: which one, or "recovery"
    int drift = 0;                     ///< accepted: steps the device is ahead of our clock
    std::size_t password_size = 0;     ///< accepted, of one field: so many octets are the password
    std::optional<int> failures;       ///< in a row on this side, where an enrolment was looked at
    std::optional<UnixTime> retry_in;  ///< throttled: seconds; absent: not until it is unlocked
    std::string explanation;           ///< the sentence for the administrator, where there is one
    std::vector<Sentence> notices;     ///< accepted: what to tell now (notices_of())
    bool is_logged = false;            ///< by the helper that decided
    bool is_by_helper = false;         ///< a helper said so: else this process found it out
};

/// What a decision comes to once it is on disk.
Outcome outcome_of(const Decision& decision, UnixTime now);

/// What it comes to on a line with `once` where the account has passed on another.
Outcome outcome_of_passing_before();

/// What it comes to where this host is remembered.
Outcome outcome_of_remembered_host();

/// What a failure of the world comes to: nobody gets in.
Outcome outcome_of(const Failure& failure);

/// Whether the person may pass.
bool is_let_in(const Outcome& outcome);

/// The one place where a verdict becomes a PAM return code.
int pam_code(Verdict verdict);

/// Who tried, for the log.
struct Attempted {
    std::string_view user;  ///< empty: nobody we know, and what was typed may be a password
    std::string_view service;
    std::string_view remote_host;  ///< empty: none
};

/// `user= service= rhost= verdict= reason= device= drift= failures=`, in this order; the last four where
/// there is something to say. Bytes outside printable ASCII, blanks and '%' stand as %XX.
std::string log_line(const Attempted& attempted, const Outcome& outcome);

/// The words of that line up to `verdict=`, without the blank.
std::string words_of(const Attempted& attempted);

/// The words of that line from `verdict=` on.
std::string words_of(const Outcome& outcome);

/// The syslog priority of that line.
int log_priority(Verdict verdict);

/// "2026-11-24 12:00 UTC", for people.
std::string moment(UnixTime time);

/// What the person is told, if anything, beside being refused.
Sentence message_for(const Outcome& outcome);

}  // namespace totp
