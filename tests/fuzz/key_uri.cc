// A key URI that is accepted says the same after it was written and read again.
#include "core/credential.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto key = totp::parse_key_uri(as_text(data, size));
    if (!key || key->label.find(':') != std::string::npos || key->issuer.find(':') != std::string::npos)
        return 0;
    if (key->label.starts_with(' ')) return 0;  // blanks before a label are decoration
    for (const auto parameters : {totp::UriParameters::all, totp::UriParameters::not_default}) {
        const auto again = totp::parse_key_uri(totp::format_key_uri(*key, parameters).text());
        promise(static_cast<bool>(again));
        promise(again->label == key->label && again->issuer == key->issuer);
        promise(totp::device_id(again->credential) == totp::device_id(key->credential));
    }
    return 0;
}
