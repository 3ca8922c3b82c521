// Whatever is typed: nobody gets in without spending something, a refusal spends nothing, and what is to be
// stored can be read again.
#include "core/verifier.h"
#include "tests/fuzz/input.h"

namespace {

totp::Enrolment enrolment() {
    return *totp::parse_enrolment(
        "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
        "otpauth://hotp/token?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR&digits=8&counter=3\n"
        "recovery $y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$3qFaQIXeuad9f3TOUYNMdlLOChNrhhnYlKBPDoWHylC\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto enrolled = enrolment();
    const auto state = totp::new_login_state(enrolled);
    const bool is_one_field = size % 2 == 1;
    const auto decision = totp::verify(enrolled, state, {},
                                       {.response = as_text(data, size),
                                        .place = "192.0.2.7",
                                        .now = 1'111'111'109,
                                        .is_one_field = is_one_field});
    const bool is_accepted = decision.verdict == totp::Verdict::accepted;
    const bool spends =
        decision.next.devices != state.devices || decision.next.spent_recovery != state.spent_recovery;
    promise(is_accepted == spends);
    promise(decision.password_size == 0 || (is_accepted && is_one_field && decision.password_size < size));
    promise(!is_accepted || decision.must_be_committed);
    const auto slot = totp::format_slot(decision.next);
    promise(totp::parse_slot({slot.data(), slot.size()}) == decision.next);
    return 0;
}
