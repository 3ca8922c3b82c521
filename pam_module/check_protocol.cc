#include "pam_module/check_protocol.h"

#include <algorithm>

#include "core/decimal.h"
#include "core/enrolment.h"

namespace totp {
namespace {

constexpr std::string_view about_enrolled = "pam-totp-check 1 enrolled\n";
constexpr std::string_view about_response = "pam-totp-check 1 verify\n";
constexpr std::string_view is_enrolled = "enrolled=yes\n";
constexpr std::string_view is_not_enrolled = "enrolled=no\n";
constexpr int widest_drift = 999;

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
bool take_number(std::string_view& words, std::string_view name, std::optional<Number>& number) {
    const auto word = take(words, name);
    if (word) number = parse_decimal<Number>(*word);
    return !word || (number && *number >= 0);
}

}  // namespace

SecretBytes format_question(const Question& question) {
    if (question.about == Question::About::enrolled) return SecretBytes(about_enrolled);
    SecretBytes text(about_response);
    text.append(question.response.text());
    return text;
}

std::optional<Question> parse_question(std::string_view text) {
    if (text == about_enrolled) return Question{Question::About::enrolled, {}};
    if (!text.starts_with(about_response)) return std::nullopt;
    return Question{Question::About::response, SecretBytes(text.substr(about_response.size()))};
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
    if (!verdict) return std::nullopt;
    Outcome outcome{.verdict = *verdict};
    if (const auto word = take(words, "reason")) {
        const auto reason = reason_named(*word);
        if (!reason || *reason == Reason::none) return std::nullopt;
        outcome.reason = *reason;
    }
    if (!take_device(words, outcome) || !take_number(words, "failures", outcome.failures) ||
        !take_number(words, "retry_in", outcome.retry_in) || !words.empty() ||
        format_answer(outcome) != answer) {
        return std::nullopt;
    }
    return outcome;
}

}  // namespace totp
