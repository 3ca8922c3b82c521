// What the module and totp_check say to each other: one question on stdin, one line on stdout.
//
//     question   pam-totp-check 1 enrolled NEWLINE                is the caller's account enrolled?
//                pam-totp-check 1 verify NEWLINE RESPONSE         what comes of this response? Up to the end
//                of input
//     answer     enrolled=yes | enrolled=no
//                verdict=… [reason=…] [device=… drift=…] [failures=…] [retry_in=SECONDS]
//
// The words of an answer are the log's (outcome), in its order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret_bytes.h"
#include "pam_module/outcome.h"

namespace totp {

/// Longest question and longest answer, in bytes.
inline constexpr std::size_t longest_question = 2'048;
inline constexpr std::size_t longest_answer = 1'024;

struct Question {
    enum class About { enrolled, response };
    About about = About::enrolled;
    SecretBytes response;
};

SecretBytes format_question(const Question& question);
std::optional<Question> parse_question(std::string_view text);

std::string format_answer(bool is_enrolled);
std::string format_answer(const Outcome& outcome);

/// The reverse; nothing for a line that says anything else. What can't be read is never a success.
std::optional<bool> parse_enrolled(std::string_view answer);
std::optional<Outcome> parse_outcome(std::string_view answer);

}  // namespace totp
