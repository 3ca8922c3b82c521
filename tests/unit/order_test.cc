#include "core/order.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

std::optional<SecretBytes> value(std::string_view text) { return SecretBytes(text); }

const Order order{"add_device", {value("al ice\n%"), std::nullopt, value("")}};
constexpr std::string_view order_text = "pam-totp-administer 1 add_device\n=al%20ice%0A%25\n-\n=\n\n";

void writes_an_order_and_reads_it_back(void**) {
    assert_text(format_order(order).text(), order_text);
    const auto read = parse_order(order_text).value();
    assert_text(read.word, order.word);
    assert_true(read.values == order.values);
}

void an_order_may_have_no_values(void**) {
    assert_true(parse_order("pam-totp-administer 1 status\n\n").value().values.empty());
}

void refuses_every_other_order(void**) {
    for (const std::string text :
         {"", "\n", "pam-totp-administer 1 status", "pam-totp-administer 2 status\n",
          "pam-totp-administer 1 \n", "pam-totp-administer 1 Status\n",
          "pam-totp-administer 1 status; DROP\n", "pam-totp-administer 1 status\nx\n",
          "pam-totp-administer 1 status\n=x", "pam-totp-administer 1 status\n-\n=x",
          "pam-totp-administer 1 status\n=%\n", "pam-totp-administer 1 status\n--\n",
          " pam-totp-administer 1 status\n", "pam-totp-administer 1 status\n\n=x\n"}) {
        claim(!parse_order(text), text);
        claim(!parse_order(text + "\n"), text);
    }
}

void refuses_an_order_that_is_cut_short(void**) {
    for (std::size_t size = 0; size < order_text.size(); ++size) {
        claim(!parse_order(order_text.substr(0, size)), std::to_string(size));
    }
}

std::string text_of(const Result<Values>& facts) { return std::string(format_facts(facts).text()); }

void writes_facts_and_reads_them_back(void**) {
    const Values facts = {value("{\"user\": \"alice\"}"), std::nullopt};
    assert_text(text_of(facts), "done\n={\"user\":%20\"alice\"}\n-\n\n");
    assert_true(value_of(parse_facts(text_of(facts)).value()) == facts);
    assert_true(value_of(parse_facts("done\n\n").value()).empty());
}

void says_whether_it_was_refused_or_the_database_is_unusable(void**) {
    assert_failure(parse_facts(text_of(Failure{Trouble::input, std::string("alice isn't enrolled")})).value(),
                   Trouble::input, "alice isn't enrolled");
    for (const auto trouble : {Trouble::store, Trouble::key, Trouble::settings})
        assert_failure(parse_facts(text_of(Failure{trouble, std::string("no answer")})).value(),
                       Trouble::store, "no answer");
}

void refuses_every_other_answer(void**) {
    for (const std::string text :
         {"", "\n", "done", "done\nx\n", "done\n=x", "Done\n", "refused", "refused x", "refused x\ny\n",
          "done \n", "refused x\ndone\n", "done\n\n=x\n"}) {
        claim(!parse_facts(text), text);
        claim(!parse_facts(text + "\n"), text);
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_an_order_and_reads_it_back),
        cmocka_unit_test(an_order_may_have_no_values),
        cmocka_unit_test(refuses_every_other_order),
        cmocka_unit_test(refuses_an_order_that_is_cut_short),
        cmocka_unit_test(writes_facts_and_reads_them_back),
        cmocka_unit_test(says_whether_it_was_refused_or_the_database_is_unusable),
        cmocka_unit_test(refuses_every_other_answer),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
