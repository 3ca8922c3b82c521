// Octets come back from what base 32 makes of them; text that is read stands for nothing it doesn't say.
#include <algorithm>
#include <string>

#include "core/base32.h"
#include "tests/fuzz/input.h"

namespace {

/// The symbols that were typed, in capitals.
std::string symbols_of(std::string_view text) {
    std::string symbols;
    for (const char c : text) {
        if (c == ' ' || c == '-' || c == '=') continue;
        symbols += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return symbols;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = totp::base32_encode({data, size});
    for (const auto& typed : {text, totp::in_groups_of_four(text)}) {
        const auto again = totp::base32_decode(typed.text());
        promise(again && std::ranges::equal(again->octets(), std::span(data, size)));
    }
    const auto octets = totp::base32_decode(as_text(data, size));
    if (!octets) return 0;
    const auto typed = symbols_of(as_text(data, size));
    const auto encoded = totp::base32_encode(octets->octets());
    promise(encoded.size() == typed.size());
    if (typed.empty()) return 0;
    const auto whole = typed.size() - 1;  // the last symbol may have bits that belong to no octet
    promise(encoded.text().substr(0, whole) == typed.substr(0, whole));
    return 0;
}
