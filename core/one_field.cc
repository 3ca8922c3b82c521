#include "core/one_field.h"

#include <algorithm>

namespace totp {
namespace {

constexpr std::size_t fewest_digits = 6;
constexpr std::size_t most_digits = 8;
constexpr std::size_t group = 4;  // of a recovery code
constexpr std::size_t plain_recovery_code = 4 * group;
constexpr std::size_t grouped_recovery_code = plain_recovery_code + 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// How many digits stand at the end.
std::size_t digits_at_end(std::string_view field) {
    return static_cast<std::size_t>(std::ranges::find_if_not(field.rbegin(), field.rend(), is_digit) -
                                    field.rbegin());
}

Split split_before_last(std::string_view field, std::size_t size) {
    return {field.substr(0, field.size() - size), field.substr(field.size() - size)};
}

/// XXXX-XXXX-XXXX-XXXX or the same without hyphens; no other grouping, which might be the password's.
bool is_recovery_code(std::string_view text) {
    const bool is_grouped = text.size() == grouped_recovery_code;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_joint = is_grouped && i % (group + 1) == group;
        if ((text[i] == '-') != is_joint || text[i] == ' ' || text[i] == '\t') return false;
    }
    return normalized_recovery_code(text).has_value();
}

std::optional<Split> recovery_split(std::string_view field) {
    for (const auto size : {grouped_recovery_code, plain_recovery_code}) {
        if (field.size() < size) continue;
        const auto split = split_before_last(field, size);
        if (is_recovery_code(split.code)) return split;
    }
    return std::nullopt;
}

bool has_recovery_codes(const Enrolment& enrolment, RecoveryForm form) {
    return std::ranges::count(enrolment.recovery, form, &RecoveryHash::form) > 0;
}

/// Whether a device shows codes of so many digits, or recovery codes have as many.
bool has_code_with(const Enrolment& enrolment, std::size_t digits) {
    const bool is_devices = std::ranges::any_of(enrolment.devices, [&](const Device& device) {
        return device.credential.digits == static_cast<int>(digits);
    });
    return is_devices || (digits == most_digits && has_recovery_codes(enrolment, RecoveryForm::digits));
}

}  // namespace

std::vector<Split> splits(std::string_view field, const Enrolment& enrolment) {
    std::vector<Split> all;
    for (auto digits = std::min(digits_at_end(field), most_digits); digits >= fewest_digits; --digits) {
        if (has_code_with(enrolment, digits)) all.push_back(split_before_last(field, digits));
    }
    if (!has_recovery_codes(enrolment, RecoveryForm::symbols)) return all;
    if (const auto split = recovery_split(field)) all.push_back(*split);
    return all;
}

std::optional<Split> obvious_split(std::string_view field) {
    const auto digits = digits_at_end(field);
    if (digits > most_digits) return std::nullopt;
    return digits >= fewest_digits ? split_before_last(field, digits) : recovery_split(field);
}

bool may_be_shorter(const Split& split) {
    return split.code.size() > fewest_digits && split.code.size() <= most_digits;
}

bool ends_like_code(std::string_view field) {
    if (digits_at_end(field) >= fewest_digits) return true;
    const auto split = recovery_split(field);
    return split &&
           (split->code.size() == grouped_recovery_code || std::ranges::any_of(split->code, is_digit));
}

}  // namespace totp
