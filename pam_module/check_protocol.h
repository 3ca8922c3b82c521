// What the module and its helpers say to each other: one question on stdin, one line on stdout.
//
//     question   pam-totp-check 1 enrolled[CLAIM] NEWLINE            is the account enrolled?
//                pam-totp-check 1 verify[CLAIM] NEWLINE RESPONSE     what comes of this response? Up to the
//                end of input
//     CLAIM      user=NAME service=[NAME] rhost=[HOST], a blank before each: who wants in, where and from
//                where, as the application says. Bytes outside printable ASCII, blanks and '%' stand as %XX
//     answer     enrolled=yes | enrolled=no
//                verdict=… [reason=…] [device=… drift=…] [failures=…] [retry_in=SECONDS]
//
// Without a claim a question is about the caller's own account: that is what totp_check answers, and nothing
// else. totp_check_any answers questions with a claim, and no others.
// The words of an answer are the log's (outcome), in its order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret_bytes.h"
#include "pam_module/outcome.h"

namespace totp {

/// Longest question and longest answer, in bytes.
inline constexpr std::size_t longest_question = 3'072;
inline constexpr std::size_t longest_answer = 1'024;

/// Longest of each of a claim's words, in bytes before any of them is written as %XX.
inline constexpr std::size_t longest_claimed_word = 255;

/// Who wants in, as an application says that verifies others. It is believed as far as the caller is.
struct Claim {
    std::string user;         ///< one that can have records
    std::string service;      ///< may be empty
    std::string remote_host;  ///< PAM_RHOST; empty: on this machine
};

struct Question {
    enum class About { enrolled, response };
    About about = About::enrolled;
    SecretBytes response;
    std::optional<Claim> claim;  ///< nothing: about the caller's own account
};

/// Whether a question may hold the claim: no word is too long or has a NUL byte, and the user can have
/// records. All others are refused by parse_question().
bool is_possible(const Claim& claim);

SecretBytes format_question(const Question& question);

/// The reverse; nothing for a text that format_question() wouldn't write just so.
std::optional<Question> parse_question(std::string_view text);

std::string format_answer(bool is_enrolled);
std::string format_answer(const Outcome& outcome);

/// The reverse; nothing for a line that says anything else. What can't be read is never a success. Nor is
/// there an answer "ignored": who isn't enrolled passes by the module's settings alone.
std::optional<bool> parse_enrolled(std::string_view answer);
std::optional<Outcome> parse_outcome(std::string_view answer);

}  // namespace totp
