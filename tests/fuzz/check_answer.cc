// Of what totp_check answers, and is asked, only what would be written just so is read.
#include "pam_module/check_protocol.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    const auto outcome = totp::parse_outcome(text);
    const auto enrolled = totp::parse_enrolled(text);
    const auto question = totp::parse_question(text);
    promise(!outcome || totp::format_answer(*outcome) == text);
    promise(!enrolled || totp::format_answer(*enrolled) == text);
    promise(!outcome || outcome->verdict != totp::Verdict::ignored);
    promise(!question || totp::format_question(*question).text() == text);
    promise(!question || !question->claim || totp::is_possible(*question->claim));
    promise((outcome ? 1 : 0) + (enrolled ? 1 : 0) + (question ? 1 : 0) <= 1);
    promise(!outcome || !totp::is_let_in(*outcome) || text.starts_with("verdict=accepted"));
    return 0;
}
