#include "pam_module/check_protocol.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

// ---- answers about a response

void reads_the_answers_that_are_given_and_writes_them_just_so(void**) {
    for (const auto& line : vector_lines("check_answers_read.txt")) {
        const auto outcome = parse_outcome(line + "\n");
        claim(outcome.has_value(), line);
        assert_text(format_answer(*outcome), line + "\n");
    }
}

void refuses_every_other_answer(void**) {
    for (const auto& line : vector_lines("check_answers_refused.txt")) {
        claim(!parse_outcome(line + "\n"), line);
    }
    for (const auto* text : {"", "\n", " \n"}) claim(!parse_outcome(text), text);
}

void refuses_an_answer_that_is_not_one_line(void**) {
    const std::string right = "verdict=accepted device=phone drift=0 failures=0";
    for (const auto& text : {right, right + " ", right + " \n", right + "\r\n", right + "\n\n",
                             right + "\n" + right + "\n", "\n" + right + "\n", right + "\nx"}) {
        claim(!parse_outcome(text), text);
    }
}

void refuses_an_answer_with_a_nul_byte_anywhere(void**) {
    const std::string right = "verdict=accepted device=phone drift=0 failures=0\n";
    for (std::size_t at = 0; at <= right.size(); ++at) {
        claim(!parse_outcome(std::string(right).insert(at, 1, '\0')), std::to_string(at));
    }
}

/// A cut may leave a shorter answer that makes sense, but for the newline.
void refuses_an_answer_that_is_cut_short(void**) {
    for (const auto& line : vector_lines("check_answers_read.txt")) {
        for (std::size_t size = 0; size <= line.size(); ++size)
            claim(!parse_outcome(line.substr(0, size)), line);
    }
}

void reads_what_each_word_says(void**) {
    const auto accepted = parse_outcome("verdict=accepted device=phone drift=-3 failures=0\n").value();
    assert_true(is_let_in(accepted) && accepted.reason == Reason::none);
    assert_text(accepted.device, "phone");
    assert_int_equal(accepted.drift, -3);
    assert_true(accepted.failures == 0 && !accepted.retry_in);
    const auto throttled = parse_outcome("verdict=throttled failures=5 retry_in=30\n").value();
    assert_true(throttled.verdict == Verdict::throttled && throttled.failures == 5);
    assert_true(throttled.retry_in == 30 && throttled.device.empty());
    const auto refused = parse_outcome("verdict=refused reason=replayed failures=2\n").value();
    assert_true(refused.verdict == Verdict::refused && refused.reason == Reason::replayed);
}

void what_is_read_is_neither_logged_nor_to_be_told(void**) {
    const auto outcome = parse_outcome("verdict=unavailable reason=store\n").value();
    assert_true(!outcome.is_logged && outcome.notices.empty() && outcome.explanation.empty());
}

/// The log has the explanation, and the person was told the notices or will be.
void explanation_and_notices_stay_where_they_are(void**) {
    const Outcome outcome{.verdict = Verdict::unavailable,
                          .reason = Reason::key,
                          .explanation = "the host key is gone",
                          .notices = {"a device was added"}};
    assert_text(format_answer(outcome), "verdict=unavailable reason=key\n");
}

void the_longest_answer_fits(void**) {
    const Outcome outcome{.verdict = Verdict::unavailable,
                          .reason = Reason::unknown_user,
                          .device = std::string(32, 'd'),
                          .drift = -999,
                          .failures = INT32_MAX,
                          .retry_in = 99'999'999'999};
    assert_true(parse_outcome(format_answer(outcome)).has_value());
    assert_true(format_answer(outcome).size() <= longest_answer);
}

// ---- answers about the enrolment

void tells_who_is_enrolled(void**) {
    assert_text(format_answer(true), "enrolled=yes\n");
    assert_text(format_answer(false), "enrolled=no\n");
    assert_true(parse_enrolled("enrolled=yes\n") == true);
    assert_true(parse_enrolled("enrolled=no\n") == false);
}

/// Least of all as "not enrolled", which may let somebody pass.
void any_other_answer_tells_nothing_about_the_enrolment(void**) {
    for (const std::string_view text :
         {"", "\n", "enrolled=yes", "enrolled=no", "enrolled=No\n", "enrolled=\n", "enrolled=no \n",
          " enrolled=no\n", "enrolled=no\n\n", "enrolled=no\nenrolled=yes\n", "enrolled=none\n", "no\n",
          "verdict=accepted\n", "verdict=unavailable reason=store\n"}) {
        claim(!parse_enrolled(text), std::string(text));
    }
    assert_false(parse_enrolled(std::string_view("enrolled=no\0\n", 13)).has_value());
}

// ---- questions

void asks_about_the_enrolment(void**) {
    const Question question{Question::About::enrolled, {}, {}};
    assert_text(format_question(question).text(), "pam-totp-check 1 enrolled\n");
    assert_true(parse_question("pam-totp-check 1 enrolled\n")->about == Question::About::enrolled);
}

void asks_about_a_response_whatever_bytes_it_has(void**) {
    for (const std::string_view response :
         {std::string_view("081804"), std::string_view(""), std::string_view("two\nlines\n"),
          std::string_view("a\0b\0", 4), std::string_view("\xFF\xC3\x28 \t")}) {
        const auto text = format_question({Question::About::response, SecretBytes(response), {}});
        const auto question = parse_question(text.text());
        claim(question && question->about == Question::About::response, std::string(response));
        claim(question->response.text() == response, std::string(response));
        claim(!question->claim, std::string(response));
    }
    const SecretBytes code(std::string_view("081804"));
    assert_text(format_question({Question::About::response, code, {}}).text(),
                "pam-totp-check 1 verify\n081804");
}

void refuses_every_other_question(void**) {
    for (const std::string_view text :
         {"", "\n", "081804", "pam-totp-check 1", "pam-totp-check 1 enrolled", "pam-totp-check 1 verify",
          "pam-totp-check 1 verify 081804\n", "pam-totp-check 2 verify\n081804",
          "pam-totp-check 1 enrolled\nx", "pam-totp-check 1 enrolled\n\n", "pam-totp-check 1 enrolled \n",
          " pam-totp-check 1 enrolled\n", "PAM-TOTP-CHECK 1 enrolled\n", "pam-totp-check 11 enrolled\n",
          "pam-totp-check 1 remove\n"}) {
        claim(!parse_question(text), std::string(text));
    }
}

// ---- claims

void claims_are_written_as_words_of_the_first_line(void**) {
    const Question question{Question::About::response, SecretBytes(std::string_view("081804")),
                            Claim{"alice", "postgresql", "192.0.2.7"}};
    assert_text(format_question(question).text(),
                "pam-totp-check 1 verify user=alice service=postgresql rhost=192.0.2.7\n081804");
    assert_text(format_question({Question::About::enrolled, {}, Claim{"alice", "", ""}}).text(),
                "pam-totp-check 1 enrolled user=alice service= rhost=\n");
}

/// Nothing in a word can end it, or the line.
void claims_are_read_as_they_were_written(void**) {
    for (const auto& claimed :
         {Claim{"alice", "postgresql", "2001:db8::1"}, Claim{"alice", "", ""}, Claim{"-", "-", "-"},
          Claim{"a rhost=b", " ", "x\ny"}, Claim{"\xFF%", "%41", "a=b,c service="},
          Claim{"alice", std::string(255, 's'), std::string(255, '%')}}) {
        for (const auto about : {Question::About::enrolled, Question::About::response}) {
            const auto text = format_question({about, {}, claimed});
            const auto read = parse_question(text.text());
            claim(read && read->claim && read->about == about, claimed.user);
            assert_text(read->claim->user, claimed.user);
            assert_text(read->claim->service, claimed.service);
            assert_text(read->claim->remote_host, claimed.remote_host);
        }
    }
}

void refuses_every_other_claim(void**) {
    const std::string begin = "pam-totp-check 1 verify ";
    for (const std::string_view words : {"",
                                         " ",
                                         "user=alice",
                                         "user=alice service=x",
                                         "user= service=x rhost=y",
                                         "user=alice service=x rhost",
                                         "user=alice rhost=y service=x",
                                         "service=x rhost=y user=alice",
                                         "user=alice user=bob rhost=",
                                         "user=alice service=x rhost=y ",
                                         " user=alice service=x rhost=y",
                                         "user=alice  service=x rhost=y",
                                         "user=alice service=x rhost=y more=z",
                                         "user=alice service=x rhost=y z",
                                         "User=alice service=x rhost=y",
                                         "user=al%69ce service=x rhost=y",
                                         "user=alice service=x rhost=%2f%2F",
                                         "user=alice service=x rhost=%",
                                         "user=alice service=x rhost=%4",
                                         "user=alice service=x rhost=%GG",
                                         "user=al\tice service=x rhost=y",
                                         "user=alic\xC3\xA9 service=x rhost=y",
                                         "user=alice%00 service=x rhost=y",
                                         "user=alice service=%00 rhost=y",
                                         "user=alice service=x rhost=a%00b",
                                         "user=alice;service=x;rhost=y",
                                         "user=alice service=x rhost=y\r"}) {
        claim(!parse_question(begin + std::string(words) + "\n081804"), std::string(words));
    }
    assert_false(parse_question("pam-totp-check 1 verifyuser=alice service=x rhost=y\n081804").has_value());
    assert_false(parse_question("pam-totp-check 1 verify\tuser=alice service=x rhost=y\n081804").has_value());
    assert_false(parse_question("pam-totp-check 1 enrolled user=alice service=x rhost=y\nz").has_value());
    assert_false(parse_question("pam-totp-check 1 enrolled user=alice service=x rhost=y").has_value());
}

void refuses_a_claim_that_is_cut_short(void**) {
    const auto text = format_question({Question::About::enrolled, {}, Claim{"alice", "x", "y"}});
    for (std::size_t size = 0; size < text.size(); ++size) {
        claim(!parse_question(text.text().substr(0, size)), std::to_string(size));
    }
}

void refuses_a_claim_with_a_word_too_long(void**) {
    const std::string longest(longest_claimed_word, 'x');
    assert_true(is_possible({"alice", longest, longest}));
    assert_true(is_possible({longest, "", ""}));
    for (const auto& claimed : {Claim{"alice", longest + "x", ""}, Claim{"alice", "", longest + "x"},
                                Claim{longest + "x", "", ""}}) {
        assert_false(is_possible(claimed));
        const auto text = format_question({Question::About::enrolled, {}, claimed});
        claim(!parse_question(text.text()), claimed.user);
    }
}

/// As record_name() has it: such a name can have no records.
void refuses_a_claim_for_who_can_have_no_records(void**) {
    for (const auto& user : {std::string(), std::string(100, '/'), std::string("a\0b", 3)}) {
        assert_false(is_possible({user, "x", "y"}));
        claim(!parse_question(format_question({Question::About::enrolled, {}, Claim{user, "x", "y"}}).text()),
              user);
    }
}

/// PAM_MAX_RESP_SIZE, and words all of whose bytes stand as %XX.
void the_longest_response_of_a_prompt_fits(void**) {
    const SecretBytes response{std::string_view(std::string(512, 'x'))};
    const std::string word(longest_claimed_word, '%');
    const Claim longest{std::string(longest_claimed_word, 'x'), word, word};
    assert_true(is_possible(longest));
    const auto question = format_question({Question::About::response, response, longest});
    assert_true(question.size() <= longest_question);
    assert_true(parse_question(question.text()).has_value());
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_answers_that_are_given_and_writes_them_just_so),
        cmocka_unit_test(refuses_every_other_answer),
        cmocka_unit_test(refuses_an_answer_that_is_not_one_line),
        cmocka_unit_test(refuses_an_answer_with_a_nul_byte_anywhere),
        cmocka_unit_test(refuses_an_answer_that_is_cut_short),
        cmocka_unit_test(reads_what_each_word_says),
        cmocka_unit_test(what_is_read_is_neither_logged_nor_to_be_told),
        cmocka_unit_test(explanation_and_notices_stay_where_they_are),
        cmocka_unit_test(the_longest_answer_fits),
        cmocka_unit_test(tells_who_is_enrolled),
        cmocka_unit_test(any_other_answer_tells_nothing_about_the_enrolment),
        cmocka_unit_test(asks_about_the_enrolment),
        cmocka_unit_test(asks_about_a_response_whatever_bytes_it_has),
        cmocka_unit_test(refuses_every_other_question),
        cmocka_unit_test(claims_are_written_as_words_of_the_first_line),
        cmocka_unit_test(claims_are_read_as_they_were_written),
        cmocka_unit_test(refuses_every_other_claim),
        cmocka_unit_test(refuses_a_claim_that_is_cut_short),
        cmocka_unit_test(refuses_a_claim_with_a_word_too_long),
        cmocka_unit_test(refuses_a_claim_for_who_can_have_no_records),
        cmocka_unit_test(the_longest_response_of_a_prompt_fits),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
