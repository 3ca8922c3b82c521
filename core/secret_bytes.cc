#include "core/secret_bytes.h"

namespace totp {

bool equal_in_constant_time(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        difference = static_cast<unsigned char>(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

SecretBytes text_of(const std::vector<SecretBytes>& lines) {
    SecretBytes text;
    for (const auto& line : lines) {
        text.append(line.text());
        text.append("\n");
    }
    return text;
}

}  // namespace totp
