// A file of google-authenticator that is accepted, which its user can write, is an enrolment that can be
// kept; and says the same after it was written and read again.
#include "enroll/foreign/google_authenticator_file.h"

#include "enroll/foreign/adoption.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto device = totp::parse_google_authenticator_file(as_text(data, size));
    if (!device) return 0;
    const auto text = totp::format_google_authenticator_file(device->credential, state_of(*device));
    promise(static_cast<bool>(text));
    const auto again = totp::parse_google_authenticator_file(text->text());
    promise(again && again->credential == device->credential && again->next == device->next &&
            again->drift == device->drift);

    device->recovery_digits.resize(
        std::min<std::size_t>(device->recovery_digits.size(), 1));  // each takes 20 ms
    constexpr totp::UnixTime now = 1'800'000'000;
    const auto adoption = totp::adopt({}, {}, {*device}, std::nullopt, totp::Policy{}, now);
    if (!adoption) return 0;
    promise(!contradiction_in(adoption->enrolment));
    promise(totp::parse_enrolment(totp::format_enrolment(adoption->enrolment).text()) &&
            totp::device_without_state(adoption->enrolment, adoption->state) == nullptr);
    const auto slot = totp::format_slot(adoption->state);
    promise(totp::parse_slot({slot.data(), slot.size()}) == adoption->state);
    return 0;
}
