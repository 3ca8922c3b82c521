#include "core/survey.h"

#include <atomic>
#include <cstdarg>
#include <map>
#include <mutex>
#include <stdexcept>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/rekey.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

// ---- what others do in the middle of it

namespace {

std::function<void(const std::string&)> on_open;  // told the name before it is opened

}  // namespace

extern "C" int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (const auto act = on_open) act(path);
    return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

namespace totp::testing {
namespace {

constexpr UnixTime now = 1'800'000'000;

bool is_root() { return geteuid() == 0; }

Account account_named(const std::string& name) { return {name, is_root() ? 1'000 : geteuid()}; }

class TestStore {
  public:
    explicit TestStore(const std::vector<std::string>& names = {"alice", "bob"}) {
        on_open = nullptr;  // whatever a case that failed has left
        value_of(store().prepare(std::nullopt));
        for (const auto& name : names) enrol(name);
    }

    FileStorePlaces places() const { return {root(), root() / "state", root() / "key", geteuid()}; }
    FileStore store() const { return FileStore(places()); }
    fs::path root() const { return directory_.path() / "store"; }
    fs::path enrolled(const std::string& name = "alice") const { return root() / "enrolled" / name; }
    fs::path state(const std::string& name = "alice") const { return root() / "state" / name; }

    void enrol(const std::string& name) const {
        const auto held = value_of(store().hold(account_named(name), HoldFor::change));
        const Enrolment enrolment{.devices = {totp_device("phone")}};
        auto state = new_login_state(enrolment);
        state.elsewhere.failures = static_cast<int>(name.size());
        value_of(held->enrol(enrolment, std::move(state)));
    }
    void remove(const std::string& name) const {
        value_of(value_of(store().hold(account_named(name), HoldFor::removal))->remove());
    }

    /// What is told of each account, by its name; each is told once.
    std::map<std::string, Result<AccountRecords>> survey(
        MissingState missing_state = MissingState::refuse) const {
        std::map<std::string, Result<AccountRecords>> seen;
        std::mutex mutex;
        value_of(totp::survey(places(), missing_state, now,
                              [&](const Account& account, const Result<AccountRecords>& records) {
                                  const std::scoped_lock lock(mutex);
                                  claim(seen.emplace(account.name, records).second, "once: " + account.name);
                              }));
        return seen;
    }

  private:
    TemporaryDirectory directory_;
};

void give_to(const fs::path& path, uid_t uid) {
    claim(chown(path.c_str(), uid, static_cast<gid_t>(-1)) == 0, path.string() + " can be given away");
}

void tells_each_account_once_with_what_is_in_its_records(void**) {
    const TestStore store({"alice", "bob", "a b"});
    const auto seen = store.survey();
    assert_int_equal(seen.size(), 3);
    for (const auto& [name, records] : seen) {
        claim(records && records->enrolment->devices.size() == 1, name + " has a device");
        assert_int_equal(records->state.elsewhere.failures, name.size());
    }
}

constexpr int more_than_at_once = 130;

TestStore large_store() {
    std::vector<std::string> names;
    for (int i = 0; i < more_than_at_once; ++i) names.push_back("account" + std::to_string(i));
    return TestStore(names);
}

void tells_of_more_accounts_than_it_reads_at_once(void**) {
    assert_int_equal(large_store().survey().size(), more_than_at_once);
}

void hands_on_what_a_witness_throws_and_tells_no_more(void**) {
    const auto store = large_store();
    std::atomic<int> told = 0;
    bool is_thrown = false;
    try {
        static_cast<void>(survey(store.places(), MissingState::refuse, now, [&](const auto&, const auto&) {
            ++told;
            throw std::runtime_error("enough");
        }));
    } catch (const std::runtime_error&) {
        is_thrown = true;
    }
    assert_true(is_thrown);
    assert_in_range(told, 1, 8);  // at most one for each thread
}

void tells_an_account_with_a_state_alone(void**) {
    const TestStore store;
    fs::remove(store.enrolled());
    const auto seen = store.survey();
    assert_int_equal(seen.size(), 2);
    assert_false(value_of(seen.at("alice")).enrolment.has_value());
    assert_int_equal(seen.at("alice")->state.elsewhere.failures, 5);
}

void passes_over_what_is_no_record(void**) {
    const TestStore store;
    for (const auto* name : {".new-0123456789abcdef", "%61lice", "with blank", "%zz"}) {
        write_file(store.enrolled(name), "");
        write_file(store.state(name), "");
    }
    assert_int_equal(store.survey().size(), 2);
}

void says_what_is_wrong_with_one_and_goes_on(void**) {
    const std::pair<std::string, std::function<void(const TestStore&)>> damages[] = {
        {"/enrolled/alice is empty", [](const TestStore& store) { write_file(store.enrolled(), ""); }},
        {"/enrolled/alice is a symbolic link",
         [](const TestStore& store) {
             fs::remove(store.enrolled());
             fs::create_symlink("bob", store.enrolled());
         }},
        {"/enrolled/alice isn't a regular file",
         [](const TestStore& store) {
             fs::remove(store.enrolled());
             fs::create_directory(store.enrolled());
         }},
        {"/enrolled/alice is open to others",
         [](const TestStore& store) { fs::permissions(store.enrolled(), fs::perms(0640)); }},
        {"/state/alice is open to others",
         [](const TestStore& store) { fs::permissions(store.state(), fs::perms(0640)); }},
        {"/state/alice is missing", [](const TestStore& store) { fs::remove(store.state()); }},
        {"/state/alice isn't 4096 bytes long",
         [](const TestStore& store) { write_file(store.state(), "x"); }},
        {"/state/alice knows nothing of the device phone",
         [](const TestStore& store) {
             fs::remove(store.state());
             fs::copy(store.state(".nobody"), store.state());
         }},
    };
    for (const auto& [what, damage] : damages) {
        const TestStore store;
        damage(store);
        if (is_root() && fs::is_regular_file(store.state())) give_to(store.state(), 1'000);
        const auto seen = store.survey();
        assert_int_equal(seen.size(), 2);
        assert_failure(seen.at("alice"), Trouble::store, what);
        claim(static_cast<bool>(seen.at("bob")), what + ": bob is told");
    }
}

void waits_for_no_lock(void**) {
    const TestStore store;
    const auto held = value_of(store.store().hold(account_named("alice"), HoldFor::login));
    assert_true(static_cast<bool>(store.survey().at("alice")));
}

/// Each thread keeps the key that it has read.
void a_key_that_is_replaced_meanwhile_is_no_failure(void**) {
    const auto store = large_store();
    std::mutex mutex;
    int told = 0;
    value_of(survey(store.places(), MissingState::refuse, now,
                    [&](const Account& account, const Result<AccountRecords>& records) {
                        const std::scoped_lock lock(mutex);
                        if (++told == 1) assert_true(value_of(rekey(store.places(), {})).is_done());
                        claim(records && records->enrolment, account.name + " is told");
                    }));
    assert_int_equal(told, more_than_at_once);
}

void what_is_removed_between_the_looks_is_no_failure(void**) {
    const TestStore store;
    int times = 0;
    on_open = [&](const std::string& name) {
        if (name != "alice" || ++times != 2) return;  // the enrolment was opened; now the state is
        on_open = nullptr;
        store.remove("alice");
    };
    const auto seen = store.survey();
    assert_int_equal(times, 2);
    claim(seen.at("alice") && !seen.at("alice")->enrolment, "alice isn't enrolled any more");
}

void a_state_that_a_login_would_make_anew_is_no_failure(void**) {
    const TestStore store;
    fs::remove(store.state());
    const auto records = value_of(store.survey(MissingState::start_anew).at("alice"));
    assert_int_equal(*records.state.devices.at(0).next, time_step(now, 30) + 1);
}

void an_enrolment_that_was_deployed_as_root_s_belongs_to_the_state_s_owner(void**) {
    if (!is_root()) return;
    const TestStore store;
    give_to(store.enrolled(), 0);
    claim(static_cast<bool>(store.survey().at("alice")), "both are of alice");
}

void records_of_two_owners_are_refused(void**) {
    if (!is_root()) return;
    const TestStore store;
    give_to(store.state(), 1'001);
    assert_failure(store.survey().at("alice"), Trouble::store, "/state/alice doesn't belong to alice");
}

void fails_without_its_directories(void**) {
    for (const auto* name : {"enrolled", "state"}) {
        const TestStore store;
        fs::remove_all(store.root() / name);
        assert_failure(survey(store.places(), MissingState::refuse, now, [](const auto&, const auto&) {}),
                       Trouble::store, std::string("/") + name + " is missing");
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_account_once_with_what_is_in_its_records),
        cmocka_unit_test(tells_of_more_accounts_than_it_reads_at_once),
        cmocka_unit_test(hands_on_what_a_witness_throws_and_tells_no_more),
        cmocka_unit_test(tells_an_account_with_a_state_alone),
        cmocka_unit_test(passes_over_what_is_no_record),
        cmocka_unit_test(says_what_is_wrong_with_one_and_goes_on),
        cmocka_unit_test(waits_for_no_lock),
        cmocka_unit_test(a_key_that_is_replaced_meanwhile_is_no_failure),
        cmocka_unit_test(what_is_removed_between_the_looks_is_no_failure),
        cmocka_unit_test(a_state_that_a_login_would_make_anew_is_no_failure),
        cmocka_unit_test(an_enrolment_that_was_deployed_as_root_s_belongs_to_the_state_s_owner),
        cmocka_unit_test(records_of_two_owners_are_refused),
        cmocka_unit_test(fails_without_its_directories),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
