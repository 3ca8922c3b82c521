// A slot that is accepted is the same after it was written and read again. The checksum is made right, so
// that what stands before it is reached.
#include "core/checksum.h"
#include "core/login_state.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static_cast<void>(totp::parse_slot(as_text(data, size)));
    constexpr std::size_t tail_size = sizeof " sum=0123456789abcdef\n" - 1;
    std::string body(as_text(data, size));
    body.resize(totp::slot_size - tail_size, ' ');
    const auto state = totp::parse_slot(body + " sum=" + totp::checksum_text(body) + "\n");
    if (!state) return 0;
    const auto slot = totp::format_slot(*state);
    promise(totp::parse_slot({slot.data(), slot.size()}) == state);
    return 0;
}
