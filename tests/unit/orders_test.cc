#include "pam_module/fleet/orders.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

std::optional<SecretBytes> value(std::string_view text) { return SecretBytes(text); }

// ---- what an order means

constexpr KnownOrder known[] = {
    {"remove", "SELECT remove($1)", 0},
    {"rename", "SELECT rename($1, $2, $3, $4)", 3, 0b101},
};

void names_the_statement_with_its_values_after_the_first(void**) {
    const auto statement =
        statement_of({"rename", {value("a"), std::nullopt, value("c")}}, known, {{value("first"), true}})
            .value();
    assert_text(statement.text, "SELECT rename($1, $2, $3, $4)");
    const std::pair<std::optional<SecretBytes>, bool> expected[] = {
        {value("first"), true}, {value("a"), true}, {std::nullopt, false}, {value("c"), true}};
    assert_true(
        std::ranges::equal(statement.parameters, expected, [](const Parameter& each, const auto& other) {
            return each.text == other.first && each.is_secret == other.second;
        }));
    assert_true(statement_of({"remove", {}}, known).value().parameters.empty());
}

void knows_no_other_order(void**) {
    for (const auto& order :
         {Order{"drop", {}}, Order{"", {}}, Order{"remove", {value("a")}}, Order{"rename", {}},
          Order{"rename", {value("a"), value("b"), value("c"), value("d")}}}) {
        claim(!statement_of(order, known), order.word);
    }
}

// ---- what a reply means

Reply reply() {
    return {.results = 1,
            .columns = {"totp"},
            .rows = {{"first"}, {std::nullopt}},
            .command = "SELECT 2",
            .is_committed = true};
}

void tells_what_there_is_to_know(void**) {
    const Values facts = {value("first"), std::nullopt};
    assert_true(value_of(facts_in(reply())) == facts);
    auto nothing = reply();
    nothing.rows.clear();
    assert_true(value_of(facts_in(nothing)).empty());
}

void what_makes_no_sense_there_is_refused_in_the_servers_words(void**) {
    for (const auto* sqlstate : {"P0002", "22023", "23505"}) {
        const Reply refused{
            .results = 1, .is_committed = true, .failure = "alice isn't enrolled", .sqlstate = sqlstate};
        assert_failure(facts_in(refused), Trouble::input, "alice isn't enrolled");
    }
    for (const auto* failure : {"a code must be accepted before", "the host web1 is switched off",
                                "an administrator gives a token for the first enrolment"}) {
        const Reply withheld{.results = 1, .is_committed = true, .failure = failure, .sqlstate = "42501"};
        assert_failure(facts_in(withheld), Trouble::input, failure);
    }
}

void what_is_not_permitted_there_says_that_nothing_was_done(void**) {
    const Reply denied{
        .results = 1, .is_committed = true, .failure = "permission denied", .sqlstate = "42501"};
    assert_failure(facts_in(denied), Trouble::store, "relied on: permission denied");
    claim(facts_in(denied).failure().message.english().find("whether") == std::string::npos,
          "nothing is in doubt");
}

void what_is_not_known_there_says_what_to_run(void**) {
    const Reply unknown{.results = 1,
                        .is_committed = true,
                        .failure = "function totp.f() does not exist",
                        .sqlstate = "42883"};
    assert_failure(facts_in(unknown), Trouble::store,
                   "function totp.f() does not exist: is its schema of the same version? (migrate)");
}

void whatever_is_in_doubt_says_so(void**) {
    const std::pair<const char*, void (*)(Reply&)> doubts[] = {
        {"the server warns: canceling", [](Reply& it) { it.notices = {"canceling wait"}; }},
        {"the server warns: canceling",
         [](Reply& it) {
             it.notices = {"canceling wait"};
             it.failure = "lost";
         }},
        {"lost",
         [](Reply& it) {
             it.failure = "lost";
             it.is_committed = false;
         }},
        {"lost",
         [](Reply& it) {
             it.failure = "lost";
             it.sqlstate = "P0002";
             it.is_committed = false;
         }},
        {"isn't one", [](Reply& it) { it.is_committed = false; }},
        {"isn't one", [](Reply& it) { it.results = 2; }},
        {"isn't one", [](Reply& it) { it.results = 0; }},
    };
    for (const auto& [said, put] : doubts) {
        auto doubtful = reply();
        put(doubtful);
        const auto facts = facts_in(doubtful);
        assert_failure(facts, Trouble::store, said);
        assert_failure(facts, Trouble::store, "; whether it was done, totp-enroll status tells");
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_the_statement_with_its_values_after_the_first),
        cmocka_unit_test(knows_no_other_order),
        cmocka_unit_test(tells_what_there_is_to_know),
        cmocka_unit_test(what_makes_no_sense_there_is_refused_in_the_servers_words),
        cmocka_unit_test(what_is_not_permitted_there_says_that_nothing_was_done),
        cmocka_unit_test(what_is_not_known_there_says_what_to_run),
        cmocka_unit_test(whatever_is_in_doubt_says_so),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
