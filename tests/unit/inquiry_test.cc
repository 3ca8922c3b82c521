#include "pam_module/fleet/inquiry.h"
#include "pam_module/fleet/reply.h"

#include <deque>

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

// ---- a database that plays its part

/// What connections there will be, and what each replies.
using Script = std::deque<std::vector<Reply>>;

Reply reply_of(const char* verdict, std::optional<std::string> device = {}) {
    const auto drift = device ? std::optional<std::string>("0") : std::nullopt;
    const auto reason =
        std::string_view(verdict) == "refused" ? std::optional<std::string>("wrong") : std::nullopt;
    return {.results = 1,
            .columns = {std::begin(reply_columns), std::end(reply_columns)},
            .rows = {{verdict, reason, std::move(device), drift, std::nullopt, std::nullopt}},
            .command = "SELECT 1",
            .is_committed = true};
}

const Reply pending = reply_of("pending");
const Reply accepted = reply_of("accepted", "phone");
const Reply refused = reply_of("refused");
const Reply lost{.failure = "server closed the connection", .is_connection_lost = true};

Reply warned() {
    auto reply = accepted;
    reply.notices = {"canceling wait"};
    return reply;
}

Reply denied() { return {.results = 1, .is_committed = true, .failure = "permission denied"}; }

/// Counts what it is asked, and keeps with which nonces.
class Stage : public Connections {
  public:
    explicit Stage(Script script) : script_(std::move(script)) {}

    Result<std::unique_ptr<Connection>> next() override {
        if (script_.empty()) return Failure{Trouble::store, "the time is over"};
        auto replies = std::move(script_.front());
        script_.pop_front();
        return std::unique_ptr<Connection>(std::make_unique<Line>(*this, std::move(replies)));
    }

    int asked = 0;
    std::vector<std::string> nonces;

  private:
    class Line : public Connection {
      public:
        Line(Stage& stage, std::vector<Reply> replies) : stage_(stage), replies_(std::move(replies)) {}
        Reply run(const Statement& statement) override {
            ++stage_.asked;
            stage_.nonces.emplace_back(statement.parameters.at(2).text->text());
            claim(at_ < replies_.size(), "it is asked no more than that");
            return replies_[at_++];
        }

      private:
        Stage& stage_;
        std::vector<Reply> replies_;
        std::size_t at_ = 0;
    };

    Script script_;
};

Subject alice() { return {Account{"alice", 1000}, "sshd", "192.0.2.7", "192.0.2.7", false}; }

Question about(std::string_view response) { return {Question::About::response, SecretBytes(response), {}}; }

Inquiry inquiry(const Subject& subject = alice(), const std::string& response = "081804") {
    return value_of(inquiry_about(subject, about(response)));
}

std::string text_of(const Answer& answer) {
    if (const auto* is_enrolled = std::get_if<bool>(&answer)) return *is_enrolled ? "enrolled" : "unenrolled";
    return words_of(std::get<Outcome>(answer));
}

std::string played(Script script, int asked, const Inquiry& question = inquiry()) {
    Stage stage(std::move(script));
    auto text = text_of(answer_by(stage, question));
    claim(stage.asked == asked, "asked " + std::to_string(stage.asked) + " times");
    for (const auto& nonce : stage.nonces) claim(nonce == question.nonce, "with the same nonce");
    return text;
}

constexpr const char* is_let_in_by_phone = "verdict=accepted device=phone drift=0";
constexpr const char* is_refused = "verdict=refused reason=wrong";
constexpr const char* is_unavailable = "verdict=unavailable reason=store";

// ---- the order of asking

void asks_twice_on_one_connection(void**) {
    assert_text(played({{pending, accepted}}, 2), is_let_in_by_phone);
    assert_text(played({{pending, refused}}, 2), is_refused);
}

void takes_a_refusal_that_needs_no_look_at_the_code(void**) {
    assert_text(played({{refused}}, 1), is_refused);
    assert_text(played({{reply_of("throttled")}}, 1), "verdict=throttled");
}

void believes_no_verdict_before_the_attempt_is_put_down(void**) {
    assert_text(played({{accepted}, {accepted}}, 1), is_unavailable);
}

void asks_no_third_time_on_one_connection(void**) {
    assert_text(played({{pending, pending, accepted}}, 2), is_unavailable);
}

void asks_again_on_another_connection_where_one_is_lost(void**) {
    assert_text(played({{lost}, {pending, accepted}}, 3), is_let_in_by_phone);
    assert_text(played({{pending, lost}, {accepted}}, 3), is_let_in_by_phone);
    assert_text(played({{pending, lost}, {pending, accepted}}, 4), is_let_in_by_phone);
    assert_text(played({{pending, lost}, {refused}}, 3), is_refused);
    assert_text(played({{lost}, {lost}, {pending, accepted}}, 4), is_let_in_by_phone);
}

void gives_up_in_the_end(void**) {
    assert_text(played({}, 0), is_unavailable);
    assert_text(played({{lost}}, 1), is_unavailable);
    assert_text(played({{pending, lost}}, 2), is_unavailable);
    assert_text(played({{lost}, {lost}, {lost}, {pending, accepted}}, 3), is_unavailable);
}

void asks_nothing_again_after_a_warning_or_a_failure(void**) {
    assert_text(played({{pending, warned()}, {accepted}}, 2), is_unavailable);
    assert_text(played({{warned()}, {pending, accepted}}, 1), is_unavailable);
    assert_text(played({{denied()}, {pending, accepted}}, 1), is_unavailable);
    assert_text(played({{pending, denied()}, {accepted}}, 2), is_unavailable);
}

/// Its administrators have switched it off: that the database says so is no trouble of the database's.
void a_host_that_is_shut_out_is_a_matter_of_the_settings(void**) {
    auto shut_out = denied();
    shut_out.failure = "the host web1 is switched off";
    shut_out.sqlstate = "42501";
    assert_text(played({{shut_out}, {pending, accepted}}, 1), "verdict=unavailable reason=settings");
    assert_text(played({{pending, lost}, {shut_out}}, 3), "verdict=unavailable reason=settings");
    Stage stage({{shut_out}});
    assert_text(std::get<Outcome>(answer_by(stage, inquiry())).explanation,
                "the host web1 is switched off (SQLSTATE 42501)");
    shut_out.failure = "permission denied for function verify";
    assert_text(played({{shut_out}}, 1), is_unavailable);
}

void asks_once_who_is_enrolled(void**) {
    const auto question = value_of(inquiry_about(alice(), {Question::About::enrolled, {}, {}}));
    assert_text(played({{reply_of("enrolled")}}, 1, question), "enrolled");
    assert_text(played({{reply_of("unenrolled")}}, 1, question), "unenrolled");
    assert_text(played({{lost}, {reply_of("enrolled")}}, 2, question), "enrolled");
    assert_text(played({{pending}}, 1, question), is_unavailable);
    assert_text(played({{accepted}}, 1, question), is_unavailable);
}

void says_what_was_in_doubt_and_how_it_ended(void**) {
    Stage stage({{pending, lost}});
    assert_text(std::get<Outcome>(answer_by(stage, inquiry())).explanation,
                "the database can't be relied on: server closed the connection; then: the time is over");
}

// ---- what is asked

void asks_by_a_nonce_of_its_own(void**) {
    const auto one = inquiry();
    assert_int_equal(one.nonce.size(), 32);
    assert_false(one.nonce == inquiry().nonce);
}

void asks_about_a_response_or_about_none(void**) {
    assert_text(inquiry().response.value().text(), "081804");
    assert_text(inquiry(alice(), "").response.value().text(), "");
    assert_false(value_of(inquiry_about(alice(), {Question::About::enrolled, {}, {}})).response.has_value());
}

void what_no_code_has_reaches_no_database(void**) {
    assert_text(inquiry(alice(), " 081\t804 ").response.value().text(), " 081\t804 ");
    assert_text(inquiry(alice(), "08\xFF\n\x01\x7F\xC3\xA4").response.value().text(), "08??????");
    assert_int_equal(inquiry(alice(), std::string(1024, '0')).response.value().size(), 1024);
    assert_text(inquiry(alice(), std::string(1025, '0')).response.value().text(), "?");
}

void says_who_wants_in_and_from_where(void**) {
    const auto question = inquiry();
    assert_text(question.account, "alice");
    assert_text(question.service, "sshd");
    assert_text(question.remote_host, "192.0.2.7");
}

void names_the_place_of_who_comes_from_nowhere(void**) {
    assert_text(inquiry({Account{"alice", 1000}, "su", "", local_place(1000), false}).remote_host,
                "local:1000");
}

void a_host_that_calls_itself_local_is_none(void**) {
    const std::string name = "local:1000";
    assert_text(inquiry({Account{"alice", 1000}, "sshd", name, remote_place(name), false}).remote_host,
                "local%3a1000");
}

void a_host_of_odd_bytes_is_told_in_ascii(void**) {
    const std::string name = "h\xE4st x";
    assert_text(inquiry({Account{"alice", 1000}, "sshd", name, remote_place(name), false}).remote_host,
                "h%E4st%20x");
}

void asks_about_nobody_where_the_account_is_not_known(void**) {
    assert_text(inquiry({std::nullopt, "sshd", "192.0.2.7", "192.0.2.7", false}).account, "");
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(asks_twice_on_one_connection),
        cmocka_unit_test(takes_a_refusal_that_needs_no_look_at_the_code),
        cmocka_unit_test(believes_no_verdict_before_the_attempt_is_put_down),
        cmocka_unit_test(asks_no_third_time_on_one_connection),
        cmocka_unit_test(asks_again_on_another_connection_where_one_is_lost),
        cmocka_unit_test(gives_up_in_the_end),
        cmocka_unit_test(asks_nothing_again_after_a_warning_or_a_failure),
        cmocka_unit_test(a_host_that_is_shut_out_is_a_matter_of_the_settings),
        cmocka_unit_test(asks_once_who_is_enrolled),
        cmocka_unit_test(says_what_was_in_doubt_and_how_it_ended),
        cmocka_unit_test(asks_by_a_nonce_of_its_own),
        cmocka_unit_test(asks_about_a_response_or_about_none),
        cmocka_unit_test(what_no_code_has_reaches_no_database),
        cmocka_unit_test(says_who_wants_in_and_from_where),
        cmocka_unit_test(names_the_place_of_who_comes_from_nowhere),
        cmocka_unit_test(a_host_that_calls_itself_local_is_none),
        cmocka_unit_test(a_host_of_odd_bytes_is_told_in_ascii),
        cmocka_unit_test(asks_about_nobody_where_the_account_is_not_known),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
