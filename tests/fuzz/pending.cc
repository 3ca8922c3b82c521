// A pending device that is read is the same after it was written and read again.
#include "core/pending.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto pending = totp::parse_pending(as_text(data, size));
    if (!pending) return 0;
    promise(!totp::may_be_shown_again(*pending, pending->place, pending->shown + totp::pending_lifetime));
    promise(!totp::may_be_shown_again(*pending, pending->place, pending->shown - 1));
    promise(!totp::may_be_shown_again(*pending, pending->place + "x", pending->shown));
    const auto text = totp::format_pending(*pending);
    const auto again = totp::parse_pending(text.text());
    promise(again && totp::format_pending(*again) == text);
    promise(again->device == pending->device && again->shown == pending->shown &&
            again->place == pending->place);
    return 0;
}
