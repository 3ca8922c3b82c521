#include "enroll/doctor/many.h"

#include <span>

#include "core/percent.h"

namespace totp {
namespace {

std::string one_after_the_other(std::span<const std::string> names) {
    std::string words;
    for (const auto& name : names) {
        words += words.empty() ? "" : ", ";
        words += printable(name);
    }
    return words;
}

}  // namespace

Sentence names_in_words(const std::vector<std::string>& names) {
    const std::span all(names);
    if (all.size() > most_named) {
        const auto named = most_named - 1;
        return tr("%1 and %2 others", {one_after_the_other(all.first(named)), all.size() - named});
    }
    if (all.size() < 2) return one_after_the_other(all);
    return tr("%1 and %2", {one_after_the_other(all.first(all.size() - 1)), printable(all.back())});
}

}  // namespace totp
