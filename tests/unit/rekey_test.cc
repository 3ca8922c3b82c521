#include "core/rekey.h"

#include <cstdarg>
#include <functional>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

// ---- what others do in the middle of it: the pauses of who waits for a lock, and the looks at a key

namespace {

std::function<void(long)> on_pause;               // told the microseconds; empty: pauses are real
std::function<void(const std::string&)> on_open;  // told the path before it is opened

}  // namespace

extern "C" int nanosleep(const timespec* duration, timespec* remaining) {
    if (!on_pause) return clock_nanosleep(CLOCK_MONOTONIC, 0, duration, remaining);
    const auto answer = on_pause;  // which may set another
    answer(duration->tv_sec * 1'000'000 + duration->tv_nsec / 1'000);
    return 0;
}

extern "C" int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (const auto act = on_open) act(path);
    return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

namespace totp::testing {
namespace {

bool is_root() { return geteuid() == 0; }

Account account_named(const std::string& name) { return {name, is_root() ? 1'000 : geteuid()}; }

Enrolment with_device(const std::string& name) { return {.devices = {totp_device(name)}}; }

HostKey key_of(std::string_view octets) { return *HostKey::of(SecretBytes(octets)); }
const char* const some_key = "0123456789abcdef0123456789ABCDEF";
const char* const third_key = "a key of some other machine here";

/// A store with its directories and key, where these are enrolled.
class TestStore {
  public:
    explicit TestStore(std::vector<std::string> names = {"alice", "bob"}) {
        on_pause = nullptr;  // whatever a case that failed has left
        on_open = nullptr;
        value_of(store().prepare(std::nullopt));
        for (const auto& name : names) enrol(name);
    }

    FileStorePlaces places() const { return {root(), root() / "state", key(), geteuid()}; }
    fs::path root() const { return directory_.path() / "store"; }
    fs::path key() const { return root() / "key"; }
    fs::path next() const { return root() / "key.next"; }
    fs::path enrolled(const std::string& name = "alice") const { return root() / "enrolled" / name; }
    FileStore store() const { return FileStore(places()); }
    HostKey host_key() const { return value_of(HostKey::read(key(), geteuid())); }

    void enrol(const std::string& name, const std::string& device = "phone") const {
        const auto held = value_of(hold(name, HoldFor::change));
        const auto enrolment = with_device(device);
        value_of(held->enrol(enrolment, new_login_state(enrolment)));
    }
    Result<std::unique_ptr<HeldAccount>> hold(const std::string& name,
                                              HoldFor purpose = HoldFor::login) const {
        return store().hold(account_named(name), purpose);
    }
    void remove(const std::string& name) const { value_of(value_of(hold(name, HoldFor::removal))->remove()); }
    bool logs_in(const std::string& name, const std::string& device = "phone") const {
        const auto held = hold(name);
        return held && (*held)->enrolment() == with_device(device);
    }

    /// As rekey() leaves a record before the keys are switched.
    void seal_under(const HostKey& key, const std::string& name) const {
        const auto text = format_enrolment(with_device("phone"));
        write_file(enrolled(name), value_of(key.seal(name, text)));
        if (is_root()) claim(chown(enrolled(name).c_str(), 1'000, 0) == 0, "it can be given away");
    }
    bool is_under(const HostKey& key, const std::string& name) const {
        return content_of(enrolled(name)).starts_with("pam-totp-enrolment 1 " + key.id() + "\n");
    }

    Result<Rekeyed> rekey(const std::optional<HostKey>& given = std::nullopt) const {
        return totp::rekey(places(), given);
    }

  private:
    TemporaryDirectory directory_;
};

struct stat status_of(const fs::path& path) {
    struct stat status {};
    claim(lstat(path.c_str(), &status) == 0, path.string() + " is there");
    return status;
}

// ---- what it does

void seals_every_enrolment_under_a_new_key(void**) {
    const TestStore store;
    const auto old = store.host_key();
    const auto rekeyed = value_of(store.rekey());
    assert_true(rekeyed.is_done());
    assert_int_equal(rekeyed.enrolments, 2);
    assert_int_equal(rekeyed.sealed_anew, 2);
    const auto key = store.host_key();
    assert_text(key.id(), rekeyed.key_id);
    assert_true(key.id() != old.id());
    assert_false(fs::exists(store.next()));
    for (const auto* name : {"alice", "bob"}) {
        claim(store.is_under(key, name) && store.logs_in(name), name);
        claim(!old.unseal(name, content_of(store.enrolled(name))), "the old key opens nothing");
    }
}

void takes_the_key_that_is_given(void**) {
    const TestStore store;
    assert_true(value_of(store.rekey(key_of(some_key))).is_done());
    assert_text(content_of(store.key()), some_key);
}

void the_key_keeps_owner_and_mode(void**) {
    const TestStore store;
    fs::permissions(store.key(), fs::perms(0640));
    const gid_t group = is_root() ? 1'234 : getegid();
    claim(chown(store.key().c_str(), geteuid(), group) == 0, "it can be given to a group");
    value_of(store.rekey());
    const auto status = status_of(store.key());
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(status.st_gid, group);
}

void a_next_key_is_given_to_the_group_with_the_hosts(void**) {
    const TestStore store;
    value_of(key_of(some_key).save_beside(store.key()));
    const gid_t group = is_root() ? 1'234 : getegid();
    value_of(store.store().prepare(group));
    const auto status = status_of(store.next());
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(status.st_gid, group);
}

/// One that configuration management deploys may be root's.
void records_keep_their_owner_and_states_everything(void**) {
    const TestStore store;
    if (is_root()) claim(chown(store.enrolled("bob").c_str(), 0, 0) == 0, "it can be root's");
    const auto owner = status_of(store.enrolled("bob")).st_uid;
    const auto state = content_of(store.root() / "state/bob");
    value_of(store.rekey());
    assert_int_equal(status_of(store.enrolled("bob")).st_uid, owner);
    assert_int_equal(status_of(store.enrolled("alice")).st_uid, account_named("alice").uid);
    assert_int_equal(status_of(store.enrolled("bob")).st_mode & 07777, 0600);
    assert_true(content_of(store.root() / "state/bob") == state);
}

void seals_records_of_any_name_and_without_a_state(void**) {
    const TestStore store({"../x",
                           "b\xc3\xb6"
                           "b",
                           "carol"});
    fs::remove(store.root() / "state/carol");
    const auto rekeyed = value_of(store.rekey());
    assert_int_equal(rekeyed.sealed_anew, 3);
    assert_true(store.logs_in("../x") && store.logs_in("b\xc3\xb6"
                                                       "b"));
    assert_false(fs::exists(store.root() / "state/carol"));
    assert_true(value_of(store.hold("carol", HoldFor::login_without_state))->enrolment().has_value());
}

void passes_over_what_is_no_record(void**) {
    const TestStore store;
    write_file(store.enrolled(".new-0123"), "half a rec");
    write_file(store.enrolled("alice~"), "an editor's");
    fs::create_directory(store.enrolled("lost"));
    fs::create_symlink("alice", store.enrolled("link"));
    claim(mkfifo(store.enrolled("pipe").c_str(), 0600) == 0, "a pipe can be made");
    assert_int_equal(value_of(store.rekey()).enrolments, 2);
    assert_text(content_of(store.enrolled(".new-0123")), "half a rec");
    assert_true(fs::is_symlink(store.enrolled("link")));
}

void a_pretence_is_kept_up(void**) {
    const TestStore store;
    value_of(store.store().prepare(std::nullopt));
    value_of(store.store().hold({}, HoldFor::pretence));
    value_of(store.rekey());
    value_of(store.store().hold({}, HoldFor::pretence));
    write_file(store.enrolled(".nobody"), "damaged");
    assert_true(value_of(store.rekey()).is_done());
}

void a_pending_key_stays_right(void**) {
    const TestStore store;
    const auto carol = account_named("carol");
    value_of(store.store().keep_pending(carol, {totp_device("phone"), 100, "192.0.2.7"}));
    write_file(store.root() / "pending/dave", "can't be opened");
    assert_true(value_of(store.rekey()).is_done());
    assert_true(value_of(store.store().pending(carol)).has_value());
}

// ---- in between

void both_keys_are_read_in_between(void**) {
    const TestStore store;
    const auto next = key_of(some_key);
    value_of(next.save_beside(store.key()));
    store.seal_under(next, "bob");
    assert_true(store.logs_in("alice") && store.logs_in("bob"));
    store.enrol("carol");
    assert_true(store.is_under(store.host_key(), "carol") && store.logs_in("carol"));
}

void goes_on_where_it_was_interrupted(void**) {
    for (std::size_t done = 0; done <= 2; ++done) {
        const TestStore store;
        const auto next = key_of(some_key);
        value_of(next.save_beside(store.key()));
        if (done > 0) store.seal_under(next, "alice");
        if (done > 1) store.seal_under(next, "bob");
        const auto rekeyed = value_of(store.rekey());
        assert_int_equal(rekeyed.enrolments, 2);
        assert_int_equal(rekeyed.sealed_anew, 2 - done);
        assert_text(content_of(store.key()), some_key);
        assert_true(store.logs_in("alice") && store.logs_in("bob"));
    }
}

void what_lies_beside_the_keys_stays_there(void**) {
    const TestStore store;
    const std::vector others = {store.key().string() + ".new", store.next().string() + ".new"};
    for (const auto& other : others) write_file(other, "another's");
    assert_true(value_of(store.rekey(key_of(some_key))).is_done());
    assert_text(content_of(store.key()), some_key);
    for (const auto& other : others) assert_text(content_of(other), "another's");
}

void says_done_once_more_where_the_given_key_is_the_hosts_already(void**) {
    const TestStore store;
    value_of(store.rekey(key_of(some_key)));
    const auto again = value_of(store.rekey(key_of(some_key)));
    assert_true(again.is_done());
    assert_int_equal(again.enrolments, 2);
    assert_int_equal(again.sealed_anew, 0);
    assert_false(fs::exists(store.next()));
}

void takes_no_other_key_while_one_is_next(void**) {
    const TestStore store;
    const auto next = key_of(some_key);
    value_of(next.save_beside(store.key()));
    store.seal_under(next, "bob");
    assert_failure(store.rekey(key_of(third_key)), Trouble::input, store.next().string() + " already");
    assert_text(content_of(store.next()), some_key);
    assert_true(store.logs_in("bob"));
    assert_true(value_of(store.rekey(next)).is_done());
}

void refuses_a_next_key_that_others_could_have_read_or_made(void**) {
    std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> damages = {
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0644); }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0660); }},
        {"isn't 32 bytes long", [](const fs::path& path) { fs::resize_file(path, 31); }},
    };
    if (is_root())
        damages.push_back({"doesn't belong to root", [](const fs::path& path) {
                               claim(chown(path.c_str(), 1'234, 0) == 0, "it can be given away");
                           }});
    for (const auto& [error, damage] : damages) {
        const TestStore store;
        const auto next = key_of(some_key);
        value_of(next.save_beside(store.key()));
        store.seal_under(next, "bob");
        damage(store.next());
        assert_failure(store.hold("bob"), Trouble::key, store.next().string() + " " + error);
        assert_failure(store.rekey(), Trouble::key, store.next().string() + " " + error);
        assert_true(store.logs_in("alice"));
    }
}

void refuses_a_key_that_is_a_link(void**) {
    const TestStore store;
    fs::rename(store.key(), store.root() / "real");
    fs::create_symlink("real", store.key());
    assert_failure(store.rekey(), Trouble::key, "is a symbolic link");
    assert_false(fs::exists(store.next()));
}

// ---- records that no key opens

void a_record_that_no_key_opens_keeps_both_keys(void**) {
    const std::pair<const char*, std::function<void(const TestStore&, const fs::path&)>> damages[] = {
        {"is cut short", [](const TestStore&, const fs::path& path) { fs::resize_file(path, 60); }},
        {"is empty", [](const TestStore&, const fs::path& path) { write_file(path, ""); }},
        {"is damaged", [](const TestStore& store,
                          const fs::path& path) { write_file(path, content_of(store.enrolled("bob"))); }},
        {"is sealed under a key that isn't this host's: bring that key back from a backup",
         [](const TestStore& store, const fs::path&) { store.seal_under(key_of(third_key), "alice"); }},
        {"is open to others", [](const TestStore&, const fs::path& path) { chmod(path.c_str(), 0640); }},
        {"has another name",
         [](const TestStore&, const fs::path& path) { fs::create_hard_link(path, path.string() + "~"); }},
    };
    for (const auto& [error, damage] : damages) {
        const TestStore store;
        const auto old = content_of(store.key());
        damage(store, store.enrolled());
        const auto rekeyed = value_of(store.rekey());
        assert_false(rekeyed.is_done());
        assert_int_equal(rekeyed.left.size(), 1);
        const auto left = rekeyed.left[0].english();
        claim(left.starts_with(store.enrolled().string() + " " + error), left);
        assert_int_equal(rekeyed.enrolments, 1);
        assert_text(content_of(store.key()), old);
        assert_true(store.is_under(value_of(HostKey::read(store.next(), geteuid())), "bob"));
        assert_true(store.logs_in("bob"));
        store.remove("alice");
        assert_true(value_of(store.rekey()).is_done());
        assert_true(store.logs_in("bob"));
    }
}

// ---- others at the same time

/// Somebody who has a directory's lock.
class Holder {
  public:
    Holder(const fs::path& directory, int kind) : file_(::open(directory.c_str(), O_RDONLY | O_CLOEXEC)) {
        claim(flock(file_.number(), kind | LOCK_NB) == 0, "it can be locked");
    }
    void leave() { flock(file_.number(), LOCK_UN); }

  private:
    Descriptor file_;
};

void what_is_changed_meanwhile_is_not_lost(void**) {
    const TestStore store({"alice"});
    Holder other(store.root() / "enrolled", LOCK_SH);
    on_pause = [&](long) {
        store.enrol("alice", "tablet");
        on_pause = nullptr;
        other.leave();
    };
    value_of(store.rekey());
    assert_true(store.logs_in("alice", "tablet") && store.is_under(store.host_key(), "alice"));
}

void what_is_taken_away_meanwhile_does_not_come_back(void**) {
    const TestStore store;
    Holder other(store.root() / "enrolled", LOCK_SH);
    on_pause = [&](long) {
        if (fs::exists(store.enrolled())) store.remove("alice");
        if (fs::exists(store.enrolled("bob"))) store.remove("bob");
        on_pause = nullptr;
        other.leave();
    };
    assert_int_equal(value_of(store.rekey()).enrolments, 0);
    assert_false(fs::exists(store.enrolled()) || fs::exists(store.enrolled("bob")));
}

/// The first round is over, and somebody is still enrolled under the old key.
void who_is_enrolled_before_the_switch_is_under_the_new_key(void**) {
    const TestStore store({"alice"});
    const auto next = key_of(some_key);
    value_of(next.save_beside(store.key()));
    store.seal_under(next, "alice");
    Holder other(store.root() / "enrolled", LOCK_SH);
    on_pause = [&](long) {
        store.enrol("carol");
        on_pause = nullptr;
        other.leave();
    };
    assert_int_equal(value_of(store.rekey()).enrolments, 2);
    assert_true(store.logs_in("carol") && store.is_under(next, "carol"));
}

void waits_five_seconds_for_who_enrols_and_no_longer(void**) {
    const TestStore store;
    const auto old = content_of(store.key());
    const Holder other(store.root() / "enrolled", LOCK_SH);
    long waited = 0;
    on_pause = [&](long microseconds) { waited += microseconds; };
    assert_failure(store.rekey(), Trouble::store, "enrolled is in use by totp-enroll or a login that enrols");
    assert_in_range(waited, 4'990'000, 5'100'000);
    assert_text(content_of(store.key()), old);
    assert_true(store.logs_in("alice"));
}

void who_enrols_waits_for_the_switch_and_who_logs_in_does_not(void**) {
    const TestStore store;
    Holder rekey(store.root() / "enrolled", LOCK_EX);
    on_pause = [](long) { claim(false, "a login waits"); };
    {
        const auto held = value_of(store.hold("alice"));
        value_of(held->commit(held->state()));
    }
    const auto held = value_of(store.hold("carol", HoldFor::change));
    on_pause = [](long) {};
    const auto enrolment = with_device("phone");
    assert_failure(held->enrol(enrolment, new_login_state(enrolment)), Trouble::store,
                   "enrolled is in use by totp-enroll rekey");
    on_pause = [&](long) { rekey.leave(); };
    value_of(held->enrol(enrolment, new_login_state(enrolment)));
}

void one_at_a_time(void**) {
    const TestStore store;
    const Holder other(store.root(), LOCK_EX);
    on_pause = [](long) {};
    assert_failure(store.rekey(), Trouble::store, "in use by another totp-enroll rekey");
    assert_false(fs::exists(store.next()));
}

/// Between the look at the host key and that at the next one, this takes the other's place.
void a_login_is_right_while_the_keys_are_switched(void**) {
    const TestStore store;
    const auto next = key_of(some_key);
    value_of(next.save_beside(store.key()));
    store.seal_under(next, "alice");
    on_open = [&](const std::string& path) {
        if (path == store.next()) fs::rename(store.next(), store.key());
    };
    assert_true(store.logs_in("alice"));
}

/// Between the look at the record and that at the keys, both are replaced.
void a_login_is_right_while_everything_is_rekeyed(void**) {
    const TestStore store;
    on_open = [&](const std::string& path) {
        if (path != store.key()) return;
        on_open = nullptr;
        value_of(store.rekey());
    };
    assert_true(store.logs_in("alice"));
    assert_true(store.is_under(store.host_key(), "alice"));
}

void a_key_that_was_replaced_by_hand_is_left(void**) {
    const TestStore store;
    const auto old = store.host_key();
    Holder other(store.root() / "enrolled", LOCK_SH);
    on_pause = [&](long) {
        write_file(store.key(), third_key);
        on_pause = nullptr;
        other.leave();
    };
    assert_failure(store.rekey(), Trouble::key, "was replaced");
    assert_text(content_of(store.key()), third_key);
    assert_true(fs::exists(store.next()));
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(seals_every_enrolment_under_a_new_key),
        cmocka_unit_test(takes_the_key_that_is_given),
        cmocka_unit_test(the_key_keeps_owner_and_mode),
        cmocka_unit_test(a_next_key_is_given_to_the_group_with_the_hosts),
        cmocka_unit_test(records_keep_their_owner_and_states_everything),
        cmocka_unit_test(seals_records_of_any_name_and_without_a_state),
        cmocka_unit_test(passes_over_what_is_no_record),
        cmocka_unit_test(a_pretence_is_kept_up),
        cmocka_unit_test(a_pending_key_stays_right),
        cmocka_unit_test(both_keys_are_read_in_between),
        cmocka_unit_test(goes_on_where_it_was_interrupted),
        cmocka_unit_test(what_lies_beside_the_keys_stays_there),
        cmocka_unit_test(says_done_once_more_where_the_given_key_is_the_hosts_already),
        cmocka_unit_test(takes_no_other_key_while_one_is_next),
        cmocka_unit_test(refuses_a_next_key_that_others_could_have_read_or_made),
        cmocka_unit_test(refuses_a_key_that_is_a_link),
        cmocka_unit_test(a_record_that_no_key_opens_keeps_both_keys),
        cmocka_unit_test(what_is_changed_meanwhile_is_not_lost),
        cmocka_unit_test(what_is_taken_away_meanwhile_does_not_come_back),
        cmocka_unit_test(who_is_enrolled_before_the_switch_is_under_the_new_key),
        cmocka_unit_test(waits_five_seconds_for_who_enrols_and_no_longer),
        cmocka_unit_test(who_enrols_waits_for_the_switch_and_who_logs_in_does_not),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_login_is_right_while_the_keys_are_switched),
        cmocka_unit_test(a_login_is_right_while_everything_is_rekeyed),
        cmocka_unit_test(a_key_that_was_replaced_by_hand_is_left),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
