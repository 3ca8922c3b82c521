#include "core/percent.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}

void writes_bytes_that_are_not_kept_in_capitals(void**) {
    assert_text(percent_encode("a/b \xC3\xBC%~", is_unreserved), "a%2Fb%20%C3%BC%25~");
    assert_text(percent_encode("abc", [](char) { return false; }), "%61%62%63");
    assert_text(percent_encode("", is_unreserved), "");
}

void gives_back_every_byte(void**) {
    const auto decoded = percent_decode(percent_encode(every_byte(), is_unreserved));
    assert_true(decoded && decoded->text() == every_byte());
}

void reads_hexadecimal_digits_of_any_case(void**) {
    assert_text(percent_decode("%c3%Bc+%41").value().text(), "\xC3\xBC+A");
}

void refuses_a_percent_sign_without_two_hexadecimal_digits(void**) {
    for (const auto text : {"%", "a%", "%4", "%4g", "%g4", "%%41", "%-1", "%+1", "% 1", "%0x", "a%4"}) {
        claim(!percent_decode(text), text);
    }
}

void keeps_what_rfc_3986_calls_unreserved_and_nothing_else(void**) {
    const std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char c : every_byte()) {
        claim(is_unreserved(c) == (unreserved.find(c) != std::string_view::npos), {c});
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_bytes_that_are_not_kept_in_capitals),
        cmocka_unit_test(gives_back_every_byte),
        cmocka_unit_test(reads_hexadecimal_digits_of_any_case),
        cmocka_unit_test(refuses_a_percent_sign_without_two_hexadecimal_digits),
        cmocka_unit_test(keeps_what_rfc_3986_calls_unreserved_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
