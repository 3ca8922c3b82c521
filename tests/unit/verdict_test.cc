#include "core/verdict.h"

#include <set>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// All that have a word, whatever is added to them: those after the last have none.
template <class Word>
std::vector<Word> all_words(Word first) {
    std::vector<Word> words;
    for (int i = static_cast<int>(first); !word_for(static_cast<Word>(i)).empty(); ++i) {
        words.push_back(static_cast<Word>(i));
    }
    return words;
}

void a_verdict_is_found_by_its_word(void**) {
    const auto verdicts = all_words(Verdict::accepted);
    assert_int_equal(verdicts.size(), 5);
    for (const auto verdict : verdicts) {
        claim(verdict_named(word_for(verdict)) == verdict, std::string(word_for(verdict)));
    }
}

void a_reason_is_found_by_its_word(void**) {
    const auto reasons = all_words(Reason::wrong);
    assert_int_equal(reasons.size(), 10);
    for (const auto reason : reasons) {
        claim(reason_named(word_for(reason)) == reason, std::string(word_for(reason)));
    }
}

void no_word_means_two_things(void**) {
    std::set<std::string_view> words;
    for (const auto verdict : all_words(Verdict::accepted))
        claim(words.insert(word_for(verdict)).second, "new");
    for (const auto reason : all_words(Reason::wrong)) claim(words.insert(word_for(reason)).second, "new");
}

void no_other_word_means_anything(void**) {
    for (const auto* word : {"Accepted", "accept", "accepted ", " accepted", "success", "0", "-"}) {
        claim(!verdict_named(word) && !reason_named(word), word);
    }
    assert_false(verdict_named("").has_value());
    assert_false(verdict_named("wrong").has_value());
    assert_false(reason_named("refused").has_value());
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_found_by_its_word),
        cmocka_unit_test(a_reason_is_found_by_its_word),
        cmocka_unit_test(no_word_means_two_things),
        cmocka_unit_test(no_other_word_means_anything),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
