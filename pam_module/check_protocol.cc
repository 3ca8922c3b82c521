#include "pam_module/check_protocol.h"

#include <algorithm>
#include <limits>

#include "core/decimal.h"
#include "core/enrolment.h"
#include "core/percent.h"
#include "core/store.h"

namespace totp {
namespace {

constexpr std::string_view about_enrolled = "pam-totp-check 1 enrolled";
constexpr std::string_view about_response = "pam-totp-check 1 verify";
constexpr std::string_view is_enrolled = "enrolled=yes\n";
constexpr std::string_view is_not_enrolled = "enrolled=no\n";
constexpr int widest_drift = 999;
constexpr int most_failures = std::numeric_limits<int>::max();
constexpr UnixTime longest_wait = 99'999'999'999;  // of the highest level a state can have, drained slowest

/// Takes `name=VALUE` and the blank after it from the left of `words`, if that is what stands there.
std::optional<std::string_view> take(std::string_view& words, std::string_view name) {
    if (!words.starts_with(name) || words.substr(name.size(), 1) != "=") return std::nullopt;
    words.remove_prefix(name.size() + 1);
    const auto value = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(value.size() + 1, words.size()));
    return value;
}

bool take_device(std::string_view& words, Outcome& outcome) {
    const auto device = take(words, "device");
    if (!device) return true;
    const auto drift_word = take(words, "drift");
    const auto drift = drift_word ? parse_decimal<int>(*drift_word) : std::nullopt;
    if (!drift || *drift < -widest_drift || *drift > widest_drift) return false;
    if (!is_device_name(*device) && *device != "recovery") return false;
    outcome.device = *device;
    outcome.drift = *drift;
    return true;
}

template <class Number>
bool take_number(std::string_view& words, std::string_view name, Number most, std::optional<Number>& number) {
    const auto word = take(words, name);
    if (word) number = parse_decimal<Number>(*word);
    return !word || (number && *number >= 0 && *number <= most);
}

std::string_view words_about(Question::About about) {
    return about == Question::About::enrolled ? about_enrolled : about_response;
}

std::string claim_word(std::string_view name, std::string_view value) {
    return " " + std::string(name) + "=" + percent_encode(value, is_kept_in_word);
}

std::string words_of(const Claim& claim) {
    return claim_word("user", claim.user) + claim_word("service", claim.service) +
           claim_word("rhost", claim.remote_host);
}

std::optional<std::string> take_claimed(std::string_view& words, std::string_view name) {
    const auto word = take(words, name);
    const auto value = word ? percent_decode(*word) : std::nullopt;
    return value ? std::optional<std::string>(value->text()) : std::nullopt;
}

/// The claim that `words` are, as words_of() writes it.
std::optional<Claim> parse_claim(std::string_view words) {
    auto rest = words.substr(std::min<std::size_t>(1, words.size()));  // after the blank
    const auto user = take_claimed(rest, "user");
    const auto service = take_claimed(rest, "service");
    const auto remote_host = take_claimed(rest, "rhost");
    if (!user || !service || !remote_host) return std::nullopt;
    Claim claim{*user, *service, *remote_host};
    if (words_of(claim) != words || !is_possible(claim)) return std::nullopt;
    return claim;
}

bool is_possible_word(std::string_view word) {
    return word.size() <= longest_claimed_word && word.find('\0') == word.npos;
}

}  // namespace

bool is_possible(const Claim& claim) {
    return record_name(claim.user).has_value() && is_possible_word(claim.user) &&
           is_possible_word(claim.service) && is_possible_word(claim.remote_host);
}

SecretBytes format_question(const Question& question) {
    SecretBytes text(words_about(question.about));
    if (question.claim) text.append(words_of(*question.claim));
    text.append("\n");
    if (question.about == Question::About::response) text.append(question.response.text());
    return text;
}

std::optional<Question> parse_question(std::string_view text) {
    const auto end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    auto line = text.substr(0, end);
    Question question{
        line.starts_with(about_response) ? Question::About::response : Question::About::enrolled,
        SecretBytes(text.substr(end + 1)),
        {}};
    if (!line.starts_with(words_about(question.about))) return std::nullopt;
    if (question.about == Question::About::enrolled && !question.response.text().empty()) return std::nullopt;
    line.remove_prefix(words_about(question.about).size());
    if (line.empty()) return question;
    question.claim = parse_claim(line);
    return question.claim ? std::optional(std::move(question)) : std::nullopt;
}

std::string format_answer(bool enrolled) { return std::string(enrolled ? is_enrolled : is_not_enrolled); }

std::string format_answer(const Outcome& outcome) {
    auto line = words_of(outcome);
    if (outcome.retry_in) line += " retry_in=" + std::to_string(*outcome.retry_in);
    return line + "\n";
}

std::optional<bool> parse_enrolled(std::string_view answer) {
    if (answer == is_enrolled) return true;
    if (answer == is_not_enrolled) return false;
    return std::nullopt;
}

std::optional<Outcome> parse_outcome(std::string_view answer) {
    if (!answer.ends_with('\n')) return std::nullopt;
    auto words = answer.substr(0, answer.size() - 1);
    const auto verdict_word = take(words, "verdict");
    const auto verdict = verdict_word ? verdict_named(*verdict_word) : std::nullopt;
    if (!verdict || *verdict == Verdict::ignored) return std::nullopt;
    Outcome outcome{.verdict = *verdict};
    if (const auto word = take(words, "reason")) {
        const auto reason = reason_named(*word);
        if (!reason || *reason == Reason::none) return std::nullopt;
        outcome.reason = *reason;
    }
    if (is_let_in(outcome) && outcome.reason != Reason::none) return std::nullopt;
    if (!take_device(words, outcome) || !take_number(words, "failures", most_failures, outcome.failures) ||
        !take_number(words, "retry_in", longest_wait, outcome.retry_in) || !words.empty() ||
        format_answer(outcome) != answer) {
        return std::nullopt;
    }
    return outcome;
}

}  // namespace totp
