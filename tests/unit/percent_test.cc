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

void a_log_word_is_one_word_of_printable_ascii(void**) {
    assert_text(log_word("user", "alice"), "user=alice");
    assert_text(log_word("user", "a b\tc%d\n\x7F\xC3\xBC"), "user=a%20b%09c%25d%0A%7F%C3%BC");
    assert_text(log_word("rhost", "=!~\""), "rhost==!~\"");
    const auto word = log_word("all", every_byte());
    assert_true(std::ranges::all_of(word, [](char c) { return c > ' ' && c < 127; }));
    assert_text(percent_decode(word.substr(4)).value().text(), every_byte());
}

void a_path_stays_whole_and_other_text_is_cut(void**) {
    const auto path = "/" + std::string(200, 'd') + "/a%b\n";
    assert_text(printable_path(path), "/" + std::string(200, 'd') + "/a%25b%0A");
    assert_text(printable(path), path.substr(0, 80));
    assert_int_equal(printable_path(std::string(10'000, 'd')).size(), 4'096);
}

void a_log_word_without_a_value_is_a_hyphen(void**) { assert_text(log_word("rhost", ""), "rhost=-"); }

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
        cmocka_unit_test(a_log_word_is_one_word_of_printable_ascii),
        cmocka_unit_test(a_path_stays_whole_and_other_text_is_cut),
        cmocka_unit_test(a_log_word_without_a_value_is_a_hyphen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
