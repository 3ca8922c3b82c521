#include "core/sentence.h"

#include <cstring>

#include <libintl.h>

namespace totp {
namespace {

constexpr const char* our_domain = "pam-totp";
constexpr const char* libc_domain = "libc";
constexpr unsigned count_place = 1U << 1;

/// The number of the place that `text` begins with; 0 where it begins with none.
unsigned place_at(std::string_view text) {
    if (text.size() < 2 || text[0] != '%' || text[1] < '1' || text[1] > '9') return 0;
    return static_cast<unsigned>(text[1] - '0');
}

/// A bit for each number whose place is in the text.
unsigned places_of(std::string_view text) {
    unsigned places = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (const auto place = place_at(text.substr(i)); place != 0) places |= 1U << place;
    }
    return places;
}

std::string filled(std::string_view form, const std::vector<std::string>& values) {
    std::string text;
    for (std::size_t i = 0; i < form.size(); ++i) {
        const auto place = place_at(form.substr(i));
        if (place == 0 || place > values.size()) {
            text += form[i];
        } else {
            text += values[place - 1];
            ++i;
        }
    }
    return text;
}

/// What the catalogue says for it: `one` or `many` themselves where it has nothing. To be called each time:
/// who asks first in a process isn't known, and libc keeps a directory once, however often it is told.
const char* looked_up(const char* domain, const char* one, const char* many, std::int64_t count) {
    if (domain == our_domain) bindtextdomain(domain, PAM_TOTP_LOCALE_DIRECTORY);
    if (many == nullptr) return dgettext(domain, one);
    return dngettext(domain, one, many, static_cast<unsigned long>(count));
}

}  // namespace

Sentence tr(const char* english, std::initializer_list<Sentence> values) {
    Sentence sentence;
    sentence.domain_ = our_domain;
    sentence.one_ = english;
    sentence.values_ = values;
    return sentence;
}

Sentence tr_n(const char* one, const char* many, std::int64_t count, std::initializer_list<Sentence> values) {
    Sentence sentence;
    sentence.domain_ = our_domain;
    sentence.one_ = one;
    sentence.many_ = many;
    sentence.count_ = count;
    sentence.values_.reserve(values.size() + 1);
    sentence.values_.emplace_back(count);
    sentence.values_.insert(sentence.values_.end(), values);
    return sentence;
}

Sentence Sentence::of_error(int error_number) {
    Sentence sentence("error " + std::to_string(error_number));
    sentence.domain_ = libc_domain;
    sentence.one_ = strerrordesc_np(error_number);
    return sentence;
}

std::string Sentence::english() const {
    if (one_ == nullptr) return words_;
    std::vector<std::string> values;
    values.reserve(values_.size());
    for (const auto& value : values_) values.push_back(value.english());
    return filled(many_ == nullptr || count_ == 1 ? one_ : many_, values);
}

std::string Sentence::translated() const {
    if (one_ == nullptr) return words_;
    const char* form = looked_up(domain_, one_, many_, count_);
    const unsigned spare = many_ == nullptr ? 0 : count_place;
    if ((places_of(form) | spare) != (places_of(one_) | spare)) {
        form = many_ == nullptr || count_ == 1 ? one_ : many_;
    }
    std::vector<std::string> values;
    values.reserve(values_.size());
    for (const auto& value : values_) values.push_back(value.translated());
    return filled(form, values);
}

}  // namespace totp
