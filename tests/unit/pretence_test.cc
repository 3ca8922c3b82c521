// Nobody's records, which an account without any is refused by (HoldFor::pretence in core/store.h).
#include <functional>

#include <unistd.h>

#include "core/file_store.h"
#include "core/seal.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// A store that is prepared, with nobody enrolled.
class EmptyStore {
  public:
    EmptyStore() { prepare(); }

    FileStorePlaces places() const { return {root(), root() / "state", root() / "key", geteuid()}; }
    fs::path root() const { return directory_.path() / "store"; }
    fs::path enrolled() const { return root() / "enrolled/.nobody"; }
    fs::path state() const { return root() / "state/.nobody"; }
    void prepare() const { value_of(FileStore(places()).prepare(std::nullopt)); }

    Result<std::unique_ptr<HeldAccount>> pretend() const {
        return FileStore(places()).hold({}, HoldFor::pretence);
    }

  private:
    TemporaryDirectory directory_;
};

void looks_like_a_usual_account(void**) {
    const EmptyStore store;
    const auto held = value_of(store.pretend());
    claim(held->enrolment().has_value(), "something is enrolled");
    assert_int_equal(held->enrolment()->devices.size(), 1);
    assert_int_equal(held->enrolment()->recovery.size(), usual_recovery_codes);
    claim(device_without_state(*held->enrolment(), held->state()) == nullptr, "its state is there");
    assert_int_equal(content_of(store.state()).size(), 2 * slot_size);
}

void is_held_by_many_at_once(void**) {
    const EmptyStore store;
    const auto one = value_of(store.pretend());
    const auto other = value_of(store.pretend());
    value_of(one->commit(one->state()));
    value_of(other->commit(other->state()));
}

/// Whatever many do at once, torn writes included, the file says the same.
void commits_what_was_there(void**) {
    const EmptyStore store;
    const auto before = content_of(store.state());
    const auto held = value_of(store.pretend());
    auto next = held->state();
    next.known.failures = 5;
    const auto written_before = fs::last_write_time(store.state());
    value_of(held->commit(next));
    assert_text(content_of(store.state()), before);
    claim(fs::last_write_time(store.state()) > written_before, "it was written");
    assert_int_equal(held->state().known.failures, 0);
}

void is_no_account(void**) {
    EmptyStore store;
    FileStore files(store.places());
    assert_text(*record_name(".nobody"), "%2Enobody");
    assert_false(value_of(files.is_enrolled({".nobody", geteuid()})));
    assert_failure(files.hold({"", geteuid()}, HoldFor::login), Trouble::store, "no record can have the name");
}

void is_kept_when_it_is_prepared_again(void**) {
    const EmptyStore store;
    const auto before = content_of(store.enrolled());
    store.prepare();
    assert_text(content_of(store.enrolled()), before);
}

void is_made_anew_where_it_cannot_be_used(void**) {
    const EmptyStore store;
    const std::pair<std::string, std::function<void()>> cases[] = {
        {"the enrolment is damaged", [&] { write_file(store.enrolled(), "x"); }},
        {"the state is damaged", [&] { write_file(store.state(), "x"); }},
        {"the enrolment is missing", [&] { fs::remove(store.enrolled()); }},
        {"the state is missing", [&] { fs::remove(store.state()); }},
        {"it is sealed under a key that is lost, as nobody's enrolment may be",
         [&] { fs::remove(store.root() / "key"); }},
    };
    for (const auto& [what, spoil] : cases) {
        spoil();
        claim(!store.pretend(), what);
        store.prepare();
        claim(static_cast<bool>(store.pretend()), what + ", and is made anew");
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(looks_like_a_usual_account),
        cmocka_unit_test(is_held_by_many_at_once),
        cmocka_unit_test(commits_what_was_there),
        cmocka_unit_test(is_no_account),
        cmocka_unit_test(is_kept_when_it_is_prepared_again),
        cmocka_unit_test(is_made_anew_where_it_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
