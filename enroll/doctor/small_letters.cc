#include "enroll/doctor/small_letters.h"

namespace totp {

std::string in_small_letters(std::string_view text) {
    std::string small(text);
    for (auto& c : small) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return small;
}

}  // namespace totp
