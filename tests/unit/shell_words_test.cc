#include "core/shell_words.h"

#include <algorithm>
#include <cstdio>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void ordinary_words_stay_as_they_are(void**) {
    for (const auto* const word : {"alice", "DOM.alice@example.org", "/s/a_b.c%20@d-e", "a:b,c=d+e"}) {
        assert_text(shell_word(word), word);
    }
}

void words_stand_in_quotes_where_they_need_them(void**) {
    assert_text(shell_word("a b"), "'a b'");
    assert_text(shell_word("DOM\\alice"), R"('DOM\alice')");
    assert_text(shell_word("it's"), R"('it'\''s')");
    assert_text(shell_word("$(x)"), "'$(x)'");
    assert_text(shell_word("~root"), "'~root'");
    assert_text(shell_word(""), "''");
}

void other_bytes_than_printable_ascii_are_octal(void**) {
    assert_text(shell_word("m\xFC"
                           "7"),
                R"($'m\3747')");
    assert_text(shell_word("a\nb\x7F"), R"($'a\012b\177')");
    assert_text(shell_word("it's\\\t"), R"($'it\'s\\\011')");
}

/// What bash makes of the word.
std::string taken_by_bash(const std::string& word) {
    const auto command = "exec bash -c " + shell_word("printf %s " + word);
    FILE* const output = popen(command.c_str(), "r");
    assert_non_null(output);
    std::string taken;
    for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) taken += static_cast<char>(c);
    assert_int_equal(pclose(output), 0);
    return taken;
}

void a_shell_takes_every_byte_back_and_no_log_is_harmed(void**) {
    for (const bool with_others : {false, true}) {
        std::string word;
        for (int byte = with_others ? 1 : ' '; byte < (with_others ? 256 : 127); ++byte)
            word += static_cast<char>(byte);
        const auto typed = shell_word(word);
        assert_true(std::ranges::all_of(typed, [](char c) { return c >= ' ' && c < 127; }));
        assert_text(taken_by_bash(typed), word);
    }
}

void a_command_has_its_words_one_blank_apart(void**) {
    assert_text(command_line("rm -f", {"/a b", "/c"}), "rm -f '/a b' /c");
    assert_text(command_line("ls", {}), "ls");
}

void a_command_that_takes_one_word_is_said_for_each(void**) {
    assert_text(command_for_each("totp-enroll unlock --user", {"alice", "DOM\\jo"}),
                R"(totp-enroll unlock --user alice && totp-enroll unlock --user 'DOM\jo')");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_words_stay_as_they_are),
        cmocka_unit_test(words_stand_in_quotes_where_they_need_them),
        cmocka_unit_test(other_bytes_than_printable_ascii_are_octal),
        cmocka_unit_test(a_shell_takes_every_byte_back_and_no_log_is_harmed),
        cmocka_unit_test(a_command_has_its_words_one_blank_apart),
        cmocka_unit_test(a_command_that_takes_one_word_is_said_for_each),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
