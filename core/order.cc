#include "core/order.h"

#include <algorithm>

#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view beginning = "pam-totp-administer 1 ";
constexpr std::string_view done = "done\n";
constexpr std::string_view refused = "refused ";
constexpr std::string_view unusable = "unusable ";

bool is_word(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

void append_values(SecretBytes& text, const Values& values) {
    for (const auto& value : values) {
        text.append(value ? "=" : "-");
        if (value) text.append(percent_encode(value->text(), is_kept_in_word));
        text.append("\n");
    }
}

/// Takes a line from the left, without its end; nothing where none ends.
std::optional<std::string_view> take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

std::optional<Values> parse_values(std::string_view text) {
    Values values;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (!line) return std::nullopt;
        auto value = line->starts_with('=') ? percent_decode(line->substr(1)) : std::nullopt;
        if (!value && *line != "-") return std::nullopt;
        values.push_back(std::move(value));
    }
    return values;
}

/// Without the empty line it ends with; nothing where it doesn't.
std::optional<std::string_view> without_end(std::string_view text) {
    if (!text.ends_with(end_of_message)) return std::nullopt;
    text.remove_suffix(1);
    return text;
}

/// The sentence after the word that `text` begins with, if it does and is one line.
std::optional<std::string> sentence_after(std::string_view word, std::string_view text) {
    if (!text.starts_with(word) || text.find('\n') != text.size() - 1) return std::nullopt;
    return std::string(text.substr(word.size(), text.size() - word.size() - 1));
}

}  // namespace

SecretBytes format_order(const Order& order) {
    SecretBytes text(beginning);
    text.append(order.word);
    text.append("\n");
    append_values(text, order.values);
    text.append("\n");
    return text;
}

std::optional<Order> parse_order(std::string_view message) {
    auto text = without_end(message).value_or("");
    const auto line = take_line(text);
    if (!line || !line->starts_with(beginning)) return std::nullopt;
    auto values = parse_values(text);
    const auto word = line->substr(beginning.size());
    if (!values || !is_word(word)) return std::nullopt;
    return Order{std::string(word), *std::move(values)};
}

SecretBytes format_facts(const Result<Values>& facts) {
    if (facts) {
        SecretBytes text(done);
        append_values(text, *facts);
        text.append("\n");
        return text;
    }
    const auto& [trouble, message] = facts.failure();
    SecretBytes text(trouble == Trouble::input ? refused : unusable);
    text.append(message.english());
    text.append(end_of_message);
    return text;
}

std::optional<Result<Values>> parse_facts(std::string_view message) {
    const auto text = without_end(message).value_or("");
    if (text.starts_with(done)) {
        auto values = parse_values(text.substr(done.size()));
        return values ? std::optional(Result<Values>(*std::move(values))) : std::nullopt;
    }
    if (const auto sentence = sentence_after(refused, text)) return Failure{Trouble::input, *sentence};
    if (const auto sentence = sentence_after(unusable, text)) return Failure{Trouble::store, *sentence};
    return std::nullopt;
}

}  // namespace totp
