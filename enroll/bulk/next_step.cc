#include "enroll/bulk/next_step.h"

#include <algorithm>

namespace totp {
namespace {

bool is_of(const LyingText& text, const Enrolment& enrolment) {
    return text.key &&
           std::ranges::count(enrolment.devices, device_id(text.key->credential), &Device::id) > 0;
}

}  // namespace

NextStep next_step(const LyingThere& there, const std::optional<Enrolment>& enrolment) {
    if (there.handed) {
        if (!enrolment) return NextStep::refuse_unenrolled;
        return is_of(*there.handed, *enrolment) ? NextStep::leave : NextStep::refuse_other_key;
    }
    if (enrolment) {
        const bool is_ours = there.begun && is_of(*there.begun, *enrolment);
        return is_ours ? NextStep::finish : NextStep::refuse_enrolled;
    }
    return there.has_picture_of_its_own ? NextStep::refuse_picture : NextStep::enrol;
}

}  // namespace totp
