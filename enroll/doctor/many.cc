#include "enroll/doctor/many.h"

#include "core/percent.h"

namespace totp {

std::string names_in_words(const std::vector<std::string>& names) {
    const bool are_all_named = names.size() <= most_named;
    const auto named = are_all_named ? names.size() : most_named - 1;
    std::string words;
    for (std::size_t i = 0; i < named; ++i) {
        const bool is_last = are_all_named && i + 1 == named;
        words += i == 0 ? "" : is_last ? " and " : ", ";
        words += printable(names[i]);
    }
    if (!are_all_named) words += " and " + std::to_string(names.size() - named) + " others";
    return words;
}

std::string by_count(std::size_t count, const std::string& one, const std::string& many) {
    return count == 1 ? one : many;
}

}  // namespace totp
