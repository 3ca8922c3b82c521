// A year of guessing at the real module, the clock being the test's. Whoever guesses knows the password, has
// as many sessions as they like (race_test shows that many at once bring nothing) and knows to the second
// when the next guess will be looked at.
//
// On paper: a guess hits one of the 2 × window + 1 = 3 codes that are right at a time, of a million. Alone a
// guesser has max_failures = 100 of them: 3·10⁻⁴. Beside an owner whose logins clear the count the level
// bounds them, budget + 365 × budget_drain = 1,560 a year on a side: 4.7·10⁻³, and 9.4·10⁻³ on both.
#include <algorithm>

#include "core/throttle.h"
#include "tests/pam/guest.h"

namespace {

constexpr totp::UnixTime hour = 3'600;
constexpr totp::UnixTime year = 365 * 24 * hour;
constexpr double chance_of_a_guess = 3e-6;
using guest::home;
constexpr const char* strange = "203.0.113.9";

class Year {
  public:
    Year() : stage_("quiet") {
        stage_.enrol(stage::device_line);
        assert_true(owner_logs_in());
        begin_ = now_ += 60;
    }

    bool owner_logs_in() { return authenticate(stage::right_code(now_), home) == PAM_SUCCESS; }

    /// One after the other from `place`, as long as any is looked at before `until` and fewer than `most`
    /// have failed in a row. Then it is `until`.
    void guess(const char* place, totp::UnixTime until, int most = totp::Policy{}.max_failures) {
        while (side_of(place).failures < most) {
            const auto opens = totp::closed_until(side_of(place), {}, now_).value_or(now_);
            if (opens >= until) break;
            now_ = opens;
            assert_int_equal(authenticate(stage::wrong_code(now_), place), PAM_AUTH_ERR);
            ++guesses_;
        }
        now_ = until;
    }

    bool is_over() const { return now_ >= begin_ + year; }
    totp::UnixTime now() const { return now_; }
    int guesses() const { return guesses_; }

  private:
    totp::SideState side_of(const char* place) const {
        auto store = stage_.store();
        const auto held = store.hold(stage::alice(), totp::HoldFor::login);
        assert_true(static_cast<bool>(held));
        return place == home ? (*held)->state().known : (*held)->state().elsewhere;
    }

    int authenticate(const std::string& code, const char* place) {
        stage::set_clock(now_);
        const int result = guest::log_in(stage_, guest::answer(code), place);
        stage::take_log();
        return result;
    }

    stage::Stage stage_;
    totp::UnixTime now_ = guest::start_of_time;
    totp::UnixTime begin_ = 0;
    int guesses_ = 0;
};

/// At most `most` guesses were looked at, and that is a chance of at most `chance`.
void claim_a_chance(const char* who, const Year& of, int most, double chance) {
    const double found = of.guesses() * chance_of_a_guess;
    print_message("%s: %d guesses in a year, a chance of %.1e\n", who, of.guesses(), found);
    count_cases(static_cast<std::size_t>(of.guesses()));
    assert_true(of.guesses() > most / 2);
    assert_in_range(of.guesses(), 0, most);
    assert_true(found <= chance);
}

void stranger_alone(void**) {
    Year of;
    of.guess(strange, of.now() + year);
    claim_a_chance("a stranger alone", of, 100, 1e-3);
}

/// The owner logs in from home every so often, and gets in each time.
void stranger_beside_an_owner(totp::UnixTime every, const char* who) {
    Year of;
    while (!of.is_over()) {
        of.guess(strange, of.now() + every);
        assert_true(of.owner_logs_in());
    }
    claim_a_chance(who, of, 100, 1e-3);
}
void stranger_beside_an_owner_every_8_hours(void**) {
    stranger_beside_an_owner(8 * hour, "a stranger beside an owner who logs in every 8 hours");
}

/// Whoever guesses sits where the owner does, so that both are on one side, and lets them in by stopping
/// short of the failure after which that side waits: their success clears the count.
void guesser_at_the_owners_own_place(totp::UnixTime every, const char* who) {
    Year of;
    int refused = 0;
    while (!of.is_over()) {
        of.guess(home, of.now() + every, totp::Policy{}.free_failures);
        refused += !of.owner_logs_in();
    }
    print_message("the owner waits %d times\n", refused);
    claim_a_chance(who, of, 1'560, 1e-2);
}
void guesser_where_the_owner_logs_in_every_8_hours(void**) {
    guesser_at_the_owners_own_place(8 * hour, "at the place of an owner who logs in every 8 hours");
}
void guesser_where_the_owner_uses_sudo_every_hour(void**) {
    guesser_at_the_owners_own_place(hour, "at the place of an owner who uses sudo every hour");
}

}  // namespace

int main() {
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(stranger_alone),
        cmocka_unit_test(stranger_beside_an_owner_every_8_hours),
        cmocka_unit_test(guesser_where_the_owner_logs_in_every_8_hours),
        cmocka_unit_test(guesser_where_the_owner_uses_sudo_every_hour),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
