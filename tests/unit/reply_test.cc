#include "pam_module/fleet/reply.h"

#include <functional>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// "verdict reason device drift failures retry_in"; '-' stands for NULL.
Reply reply_of(const std::string& words) {
    Reply reply{.results = 1,
                .columns = {std::begin(reply_columns), std::end(reply_columns)},
                .rows = {{}},
                .command = "SELECT 1",
                .is_committed = true};
    std::istringstream row(words);
    for (std::string word; row >> word;)
        reply.rows.front().push_back(word == "-" ? std::nullopt : std::optional(word));
    return reply;
}

/// What it means, in a word or in those of check_protocol.
std::string text_of(const Meaning& meaning) {
    if (const auto* doubt = std::get_if<Doubt>(&meaning))
        return doubt->may_ask_again ? "doubt" : "doubt for good";
    if (const auto* is_enrolled = std::get_if<bool>(&meaning))
        return *is_enrolled ? "enrolled" : "unenrolled";
    if (const auto* outcome = std::get_if<Outcome>(&meaning)) return words_of(*outcome);
    return "pending";
}

constexpr Asked all_asked[] = {Asked::enrolled, Asked::charge, Asked::verdict, Asked::again};

Asked asked_named(const std::string& name) {
    const std::pair<const char*, Asked> names[] = {{"enrolled", Asked::enrolled},
                                                   {"charge", Asked::charge},
                                                   {"verdict", Asked::verdict},
                                                   {"again", Asked::again}};
    const auto* found = std::ranges::find(names, name, &std::pair<const char*, Asked>::first);
    claim(found != std::end(names), name);
    return found->second;
}

// ---- what is said in full

void means_what_it_says_where_it_may_be_said(void**) {
    for (const auto& row : vector_table("fleet_replies.txt", 3)) {
        const auto meaning = text_of(meaning_of(reply_of(row[1]), asked_named(row[0])));
        claim(meaning == row[2], row[0] + " | " + row[1] + " | means: " + meaning);
    }
}

void a_verdict_before_the_attempt_is_put_down_lets_nobody_in(void**) {
    const auto accepted = reply_of("accepted - phone 0 - -");
    assert_text(text_of(meaning_of(accepted, Asked::charge)), "doubt for good");
    assert_text(text_of(meaning_of(accepted, Asked::verdict)), "verdict=accepted device=phone drift=0");
}

void says_how_long_to_wait(void**) {
    const auto meaning = meaning_of(reply_of("throttled - - - 5 30"), Asked::charge);
    assert_true(std::get<Outcome>(meaning).retry_in == 30);
}

// ---- what isn't

/// What may be wrong with a reply, whatever it says.
struct Flaw {
    const char* name;
    std::function<void(Reply&)> put;
    const char* meaning;
};

const std::vector<Flaw>& flaws() {
    static const std::vector<Flaw> flaws = {
        {"warned", [](Reply& reply) { reply.notices = {"canceling wait for synchronous replication"}; },
         "doubt for good"},
        {"warned and lost",
         [](Reply& reply) {
             reply.notices = {"terminating connection"};
             reply.failure = "server closed the connection";
             reply.is_connection_lost = true;
         },
         "doubt for good"},
        {"failed", [](Reply& reply) { reply.failure = "deferred constraint"; }, "doubt for good"},
        {"failed and lost",
         [](Reply& reply) {
             reply.failure = "no answer in time";
             reply.is_connection_lost = true;
         },
         "doubt"},
        {"not committed", [](Reply& reply) { reply.is_committed = false; }, "doubt"},
        {"two results", [](Reply& reply) { reply.results = 2; }, "doubt for good"},
        {"no result", [](Reply& reply) { reply.results = 0; }, "doubt for good"},
        {"two rows", [](Reply& reply) { reply.rows.push_back(reply.rows.front()); }, "doubt for good"},
        {"no row", [](Reply& reply) { reply.rows.clear(); }, "doubt for good"},
        {"not said to be complete", [](Reply& reply) { reply.command = ""; }, "doubt for good"},
        {"another command", [](Reply& reply) { reply.command = "SELECT 2"; }, "doubt for good"},
        {"columns in another order", [](Reply& reply) { std::swap(reply.columns[0], reply.columns[1]); },
         "doubt for good"},
        {"a column more", [](Reply& reply) { reply.columns.emplace_back("note"); }, "doubt for good"},
        {"a column less", [](Reply& reply) { reply.columns.pop_back(); }, "doubt for good"},
        {"a field more", [](Reply& reply) { reply.rows.front().emplace_back("x"); }, "doubt for good"},
        {"a field less", [](Reply& reply) { reply.rows.front().pop_back(); }, "doubt for good"},
        {"an empty row", [](Reply& reply) { reply.rows.front().clear(); }, "doubt for good"},
    };
    return flaws;
}

/// A reply that means something to each question.
Reply right_reply(Asked asked) {
    return reply_of(asked == Asked::enrolled ? "enrolled - - - - -"
                    : asked == Asked::charge ? "pending - - - - -"
                                             : "accepted - phone 0 - -");
}

void whatever_is_in_doubt_means_nothing_else(void**) {
    for (const auto asked : all_asked) {
        claim(!text_of(meaning_of(right_reply(asked), asked)).starts_with("doubt"),
              "it would mean something");
        for (const auto& [name, put, meaning] : flaws()) {
            auto reply = right_reply(asked);
            put(reply);
            const auto found = text_of(meaning_of(reply, asked));
            claim(found == meaning, std::string(name) + " means: " + found);
        }
    }
}

void doubts_say_why(void**) {
    auto reply = right_reply(Asked::verdict);
    reply.notices = {"canceling wait for synchronous replication", "another"};
    assert_text(std::get<Doubt>(meaning_of(reply, Asked::verdict)).why,
                "the server warns: canceling wait for synchronous replication");
    reply.notices.clear();
    reply.failure = "permission denied for schema totp";
    reply.sqlstate = "42501";
    assert_text(std::get<Doubt>(meaning_of(reply, Asked::verdict)).why,
                "permission denied for schema totp (SQLSTATE 42501)");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(means_what_it_says_where_it_may_be_said),
        cmocka_unit_test(a_verdict_before_the_attempt_is_put_down_lets_nobody_in),
        cmocka_unit_test(says_how_long_to_wait),
        cmocka_unit_test(whatever_is_in_doubt_means_nothing_else),
        cmocka_unit_test(doubts_say_why),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
