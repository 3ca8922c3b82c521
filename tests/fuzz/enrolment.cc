// An enrolment that is accepted is the same after it was written and read again.
#include "core/enrolment.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto enrolment = totp::parse_enrolment(as_text(data, size));
    if (!enrolment) return 0;
    promise(!totp::contradiction_in(*enrolment));
    const auto text = totp::format_enrolment(*enrolment);
    const auto again = totp::parse_enrolment(text.text());
    promise(again && totp::format_enrolment(*again) == text);
    return 0;
}
