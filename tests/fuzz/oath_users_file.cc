// A line of a users file that is accepted is an enrolment that can be kept, and says the same after it was
// written and read again.
#include "enroll/foreign/oath_users_file.h"

#include "enroll/foreign/adoption.h"
#include "tests/fuzz/input.h"

namespace {

std::optional<totp::UnixTime> from_utc(std::tm moment) { return timegm(&moment); }

std::tm to_utc(totp::UnixTime time) {
    std::tm moment{};
    gmtime_r(&time, &moment);
    return moment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const auto& user : totp::parse_oath_users_file(as_text(data, size), from_utc)) {
        if (!user.device) continue;
        const auto& device = *user.device;
        const auto line = totp::format_oath_user(user.name, device.credential, state_of(device), to_utc);
        promise(static_cast<bool>(line));
        const auto again = totp::parse_oath_users_file(line->text(), from_utc);
        promise(again.size() == 1 && again[0].device && again[0].name == user.name &&
                again[0].device->next >= device.next);
        constexpr totp::UnixTime now = 1'800'000'000;
        const auto adoption = totp::adopt({}, {}, {device}, std::nullopt, totp::Policy{}, now);
        if (!adoption) continue;
        promise(totp::parse_enrolment(totp::format_enrolment(adoption->enrolment).text()) &&
                totp::device_without_state(adoption->enrolment, adoption->state) == nullptr);
        const auto slot = totp::format_slot(adoption->state);
        promise(totp::parse_slot({slot.data(), slot.size()}) == adoption->state);
    }
    return 0;
}
