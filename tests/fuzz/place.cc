// Whatever a name server makes up becomes a place that a state can hold.
#include <algorithm>

#include "core/place.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto host = as_text(data, size);
    const auto place = totp::remote_place(host);
    if (const auto address = totp::single_address(place, totp::interface_id_of(host)))
        promise(totp::remote_place(*address) == place);
    promise(!place.empty() && place.size() <= totp::maximum_place);
    promise(std::ranges::all_of(place, [](char c) { return c > ' ' && c < 127 && c != ',' && c != '='; }));
    return 0;
}
