#include "core/lent_store.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "tests/unit/another_process.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

using Calls = std::vector<std::string>;

/// What reached the store below, each call with the group it came with; and whether it is to fail.
struct Below {
    Calls calls;
    std::vector<gid_t> groups;
    bool fails = false;

    void note(const std::string& call) {
        calls.push_back(call);
        groups.push_back(getegid());
    }
    template <class T>
    Result<T> answer(T value) const {
        if (fails) return Failure{Trouble::store, "the disk is full"};
        return value;
    }
};

Enrolment phone() { return {.devices = {totp_device("phone")}}; }

class FakeAccount : public HeldAccount {
  public:
    explicit FakeAccount(Below& below) : below_(below) {
        enrolment_ = phone();
        state_ = new_login_state(phone());
    }
    ~FakeAccount() override { below_.note("let go"); }

    Result<Done> commit(LoginState next) override {
        below_.note("commit " + std::to_string(next.sequence));
        if (!below_.fails) state_ = std::move(next);
        return below_.answer(Done{});
    }
    Result<Done> enrol(const Enrolment& enrolment, LoginState state) override {
        below_.note("enrol " + enrolment.devices[0].name);
        if (!below_.fails) enrolment_ = enrolment;
        state_ = std::move(state);  // is written first: so much may have happened when it fails
        return below_.answer(Done{});
    }
    Result<Done> remove() override {
        below_.note("remove");
        if (!below_.fails) enrolment_.reset();
        return below_.answer(Done{});
    }

  private:
    Below& below_;
};

class FakeStore : public Store {
  public:
    explicit FakeStore(Below& below) : below_(below) {}

    Result<bool> is_enrolled(const Account& account) override {
        below_.note("is_enrolled " + account.name);
        return below_.answer(account.name == "alice");
    }
    Result<Done> can_enrol(const Account& account) override {
        below_.note("can_enrol " + account.name);
        return below_.answer(Done{});
    }
    Result<std::unique_ptr<HeldAccount>> hold(const Account& account, HoldFor purpose) override {
        below_.note("hold " + account.name + " " + std::to_string(static_cast<int>(purpose)));
        if (below_.fails) return Failure{Trouble::store, "the disk is full"};
        return std::unique_ptr<HeldAccount>(std::make_unique<FakeAccount>(below_));
    }

  private:
    Below& below_;
};

const Account alice{"alice", 1'000};

LentStore store_above(Below& below) { return LentStore(std::make_unique<FakeStore>(below)); }

std::unique_ptr<HeldAccount> held_above(Below& below) {
    return value_of(store_above(below).hold(alice, HoldFor::change));
}

void tells_who_is_enrolled(void**) {
    Below below;
    assert_true(value_of(store_above(below).is_enrolled(alice)));
    assert_false(value_of(store_above(below).is_enrolled({"bob", 1'001})));
    assert_true(below.calls == (Calls{"is_enrolled alice", "is_enrolled bob"}));
}

void tells_who_can_be_enrolled(void**) {
    Below below;
    value_of(store_above(below).can_enrol(alice));
    assert_true(below.calls == (Calls{"can_enrol alice"}));
}

void holds_for_the_same_purpose(void**) {
    for (const auto purpose :
         {HoldFor::login, HoldFor::login_without_state, HoldFor::change, HoldFor::removal}) {
        Below below;
        value_of(store_above(below).hold(alice, purpose));
        assert_text(below.calls[0], "hold alice " + std::to_string(static_cast<int>(purpose)));
    }
}

void passes_each_call_on_once(void**) {
    Below below;
    {
        const auto held = held_above(below);
        value_of(held->commit({.sequence = 7}));
        value_of(held->enrol({.devices = {totp_device("tablet")}}, {}));
        value_of(held->remove());
    }
    assert_true(below.calls == (Calls{"hold alice 2", "commit 7", "enrol tablet", "remove", "let go"}));
}

void passes_failures_on(void**) {
    Below below;
    const auto held = held_above(below);
    below.fails = true;
    assert_failure(store_above(below).is_enrolled(alice), Trouble::store, "the disk is full");
    assert_failure(store_above(below).can_enrol(alice), Trouble::store, "the disk is full");
    assert_failure(store_above(below).hold(alice, HoldFor::login), Trouble::store, "the disk is full");
    assert_failure(held->commit({}), Trouble::store, "the disk is full");
    assert_failure(held->enrol(phone(), {}), Trouble::store, "the disk is full");
    assert_failure(held->remove(), Trouble::store, "the disk is full");
}

void shows_what_is_held_from_the_beginning(void**) {
    Below below;
    const auto held = held_above(below);
    assert_true(held->enrolment() == phone());
    assert_true(held->state() == new_login_state(phone()));
}

void shows_what_was_committed(void**) {
    Below below;
    const auto held = held_above(below);
    value_of(held->commit({.sequence = 7}));
    assert_true(held->state() == LoginState{.sequence = 7});
    assert_true(held->enrolment() == phone());
}

void shows_what_was_enrolled(void**) {
    Below below;
    const auto held = held_above(below);
    const Enrolment tablet{.devices = {totp_device("tablet")}};
    value_of(held->enrol(tablet, {.sequence = 8}));
    assert_true(held->enrolment() == tablet && held->state() == LoginState{.sequence = 8});
}

void shows_nothing_once_it_is_removed(void**) {
    Below below;
    const auto held = held_above(below);
    value_of(held->remove());
    assert_false(held->enrolment().has_value());
}

void shows_what_a_failure_has_left(void**) {
    Below below;
    const auto held = held_above(below);
    below.fails = true;
    static_cast<void>(held->commit({.sequence = 7}));
    assert_true(held->state() == new_login_state(phone()));
    static_cast<void>(held->enrol({.devices = {totp_device("tablet")}}, {.sequence = 8}));
    assert_true(held->enrolment() == phone() && held->state() == LoginState{.sequence = 8});
}

/// Every call, and the group at its return.
std::string amiss_with_a_lent_group() {
    if (!become_user_with_lent_group() || setegid(getgid()) != 0) return "no group could be lent";
    Below below;
    auto store = store_above(below);
    const auto own = [] { return getegid() == getgid(); };
    bool is_given_back = store.is_enrolled(alice) && own();
    auto held = value_of(store.hold(alice, HoldFor::change));
    is_given_back = is_given_back && own();
    is_given_back = is_given_back && held->commit({}) && own();
    is_given_back = is_given_back && held->enrol(phone(), {}) && own();
    below.fails = true;
    is_given_back = is_given_back && !held->remove() && own();
    if (!is_given_back) return "the group is kept after a call";
    return below.groups == std::vector<gid_t>(5, lent_group) ? "" : "the group wasn't there for a call";
}

void has_the_lent_group_in_each_call_and_at_no_other_time(void**) {
    if (geteuid() != 0) _skip(__FILE__, __LINE__);  // root alone can lend one
    claim_in_another_process(amiss_with_a_lent_group);
}

/// Borrowing forbids it, and the sanitizer's search for leaks needs it.
int allow_tracing(void**) { return prctl(PR_SET_DUMPABLE, 1); }

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_who_is_enrolled),
        cmocka_unit_test(tells_who_can_be_enrolled),
        cmocka_unit_test(holds_for_the_same_purpose),
        cmocka_unit_test(passes_each_call_on_once),
        cmocka_unit_test(passes_failures_on),
        cmocka_unit_test(shows_what_is_held_from_the_beginning),
        cmocka_unit_test(shows_what_was_committed),
        cmocka_unit_test(shows_what_was_enrolled),
        cmocka_unit_test(shows_nothing_once_it_is_removed),
        cmocka_unit_test(shows_what_a_failure_has_left),
        cmocka_unit_test(has_the_lent_group_in_each_call_and_at_no_other_time),
    };
    return cmocka_run_group_tests(tests, nullptr, allow_tracing);
}
