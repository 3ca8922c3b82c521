// The catalogue is this test's own: what core/sentence asks libc for is answered here.
#include <cerrno>
#include <map>
#include <string>

#include <libintl.h>

#include "core/failure.h"
#include "core/sentence.h"
#include "tests/unit/testing.h"

namespace {

/// By domain and English sentence.
std::map<std::pair<std::string, std::string>, std::string>& catalogue() {
    static std::map<std::pair<std::string, std::string>, std::string> translations;
    return translations;
}

char* translation_or(const char* domain, const char* english) {
    const auto found = catalogue().find({domain, english});
    return found != catalogue().end() ? found->second.data() : const_cast<char*>(english);
}

}  // namespace

extern "C" {

char* bindtextdomain(const char*, const char* directory) noexcept { return const_cast<char*>(directory); }

char* dgettext(const char* domain, const char* english) noexcept { return translation_or(domain, english); }

/// Of a language with one form for 1 and none, as French.
char* dngettext(const char* domain, const char* one, const char* many, unsigned long count) noexcept {
    auto* const form = translation_or(domain, count < 2 ? one : many);
    return form == one && count != 1 ? const_cast<char*>(many) : form;
}

}  // extern "C"

namespace {

using namespace totp;
using namespace totp::testing;

/// A catalogue of ours that has this and nothing else.
void translate(const std::string& english, const std::string& translation) {
    catalogue() = {{{"pam-totp", english}, translation}};
}

void translates_a_sentence_and_keeps_its_english(void**) {
    translate("Right.", "Richtig.");
    assert_text(tr("Right.").translated(), "Richtig.");
    assert_text(tr("Right.").english(), "Right.");
}

void stays_english_where_no_catalogue_has_it(void**) {
    catalogue().clear();
    assert_text(tr("Try %1 again", {"that"}).translated(), "Try that again");
}

void puts_values_where_the_language_wants_them(void**) {
    translate("%1 from %2", "von %2: %1, ja, %1");
    assert_text(tr("%1 from %2", {"a code", 7}).english(), "a code from 7");
    assert_text(tr("%1 from %2", {"a code", 7}).translated(), "von 7: a code, ja, a code");
}

void looks_for_no_places_in_values(void**) {
    catalogue().clear();
    assert_text(tr("%1 and %2", {"%2", "%1"}).translated(), "%2 and %1");
}

void leaves_other_percent_signs_alone(void**) {
    catalogue().clear();
    assert_text(tr("100 % of %1, %0, %s, %n, %", {"all"}).translated(), "100 % of all, %0, %s, %n, %");
    assert_text(tr("%1 %2", {"only one"}).english(), "only one %2");
}

void passes_over_a_translation_with_other_places(void**) {
    for (const auto* broken : {"", "nichts", "%2", "%1 %3", "%1 %2 %3", "%1 %s", "%"}) {
        translate("%1 of %2", broken);
        assert_text(tr("%1 of %2", {"one", "two"}).translated(), "one of two");
    }
    for (const auto* broken : {"%1", "%9", "%2 von %1"}) {
        translate("nothing", broken);
        assert_text(tr("nothing").translated(), "nothing");
    }
}

void takes_the_form_for_the_number(void**) {
    const auto codes = [](int count) { return tr_n("%1 code of %2", "%1 codes of %2", count, {"alice"}); };
    catalogue() = {{{"pam-totp", "%1 code of %2"}, "%2 : %1 code"},
                   {{"pam-totp", "%1 codes of %2"}, "%2 : %1 codes"}};
    assert_text(codes(0).english(), "0 codes of alice");
    assert_text(codes(1).english(), "1 code of alice");
    assert_text(codes(0).translated(), "alice : 0 code");
    assert_text(codes(2).translated(), "alice : 2 codes");
}

void number_may_be_left_out_and_nothing_else(void**) {
    translate("A code of %2", "Ein Code von %2");
    assert_text(tr_n("A code of %2", "%1 codes of %2", 1, {"alice"}).translated(), "Ein Code von alice");
    translate("%1 codes of %2", "viele Codes von %2");
    assert_text(tr_n("A code of %2", "%1 codes of %2", 5, {"alice"}).translated(), "viele Codes von alice");
    translate("%1 codes of %2", "%1 Codes");
    assert_text(tr_n("A code of %2", "%1 codes of %2", 5, {"alice"}).translated(), "5 codes of alice");
    translate("A code of %2", "%1 Code von %3");
    assert_text(tr_n("A code of %2", "%1 codes of %2", 1, {"alice"}).translated(), "A code of alice");
}

void translates_what_is_in_a_sentence_too(void**) {
    translate("wrong", "falsch");
    const auto sentence = tr("No: %1.", {tr("wrong")});
    assert_text(sentence.translated(), "No: falsch.");
    assert_text(sentence.english(), "No: wrong.");
}

void words_are_not_looked_up(void**) {
    translate("phone", "Telefon");
    assert_text(Sentence("phone").translated(), "phone");
    assert_text(tr("%1", {std::string("phone")}).translated(), "phone");
}

void errors_have_the_words_of_libc(void**) {
    catalogue() = {{{"libc", "No space left on device"}, "voll"}};
    assert_text(Sentence::of_error(ENOSPC).english(), "No space left on device");
    assert_text(Sentence::of_error(ENOSPC).translated(), "voll");
    assert_text(Sentence::of_error(99'999).translated(), "error 99999");
}

void is_empty_without_a_word(void**) {
    assert_true(Sentence().empty() && Sentence("").empty());
    assert_false(tr("x").empty() || Sentence(0).empty());
    assert_text(Sentence().translated(), "");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(translates_a_sentence_and_keeps_its_english),
        cmocka_unit_test(stays_english_where_no_catalogue_has_it),
        cmocka_unit_test(puts_values_where_the_language_wants_them),
        cmocka_unit_test(looks_for_no_places_in_values),
        cmocka_unit_test(leaves_other_percent_signs_alone),
        cmocka_unit_test(passes_over_a_translation_with_other_places),
        cmocka_unit_test(takes_the_form_for_the_number),
        cmocka_unit_test(number_may_be_left_out_and_nothing_else),
        cmocka_unit_test(translates_what_is_in_a_sentence_too),
        cmocka_unit_test(words_are_not_looked_up),
        cmocka_unit_test(errors_have_the_words_of_libc),
        cmocka_unit_test(is_empty_without_a_word),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
