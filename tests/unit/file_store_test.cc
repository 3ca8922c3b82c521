#include "core/file_store.h"

#include <cerrno>
#include <csignal>
#include <functional>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/seal.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

// ---- the pauses of the store, which a case may answer in place of the clock

namespace {

std::function<void(long)> on_pause;  // told the microseconds; empty: pauses are real

}  // namespace

extern "C" int nanosleep(const timespec* duration, timespec* remaining) {
    if (!on_pause) return clock_nanosleep(CLOCK_MONOTONIC, 0, duration, remaining);
    on_pause(duration->tv_sec * 1'000'000 + duration->tv_nsec / 1'000);
    return 0;
}

namespace totp::testing {
namespace {

bool is_root() { return geteuid() == 0; }

/// An account of our own, or one whose records root must give away.
Account account_named(const std::string& name) { return {name, is_root() ? 1'000 : geteuid()}; }

Enrolment phone() { return {.devices = {totp_device("phone")}}; }

/// A store with its directories and key, where alice is enrolled.
class TestStore {
  public:
    TestStore() {
        on_pause = nullptr;  // whatever a case that failed has left
        value_of(store().prepare(std::nullopt));
        enrol(alice);
    }

    FileStorePlaces places() const { return {root(), root() / "state", root() / "key", geteuid()}; }
    fs::path root() const { return directory_.path() / "store"; }
    fs::path enrolled(const std::string& name = "alice") const { return root() / "enrolled" / name; }
    fs::path state(const std::string& name = "alice") const { return root() / "state" / name; }
    FileStore store() const { return FileStore(places()); }

    Result<std::unique_ptr<HeldAccount>> hold(HoldFor purpose = HoldFor::login) const {
        return store().hold(alice, purpose);
    }
    void enrol(const Account& account) const {
        const auto held = value_of(store().hold(account, HoldFor::change));
        value_of(held->enrol(phone(), new_login_state(phone())));
    }
    LoginState stored() const { return value_of(hold())->state(); }

    /// All that lies there, but for nobody's records.
    std::vector<std::string> names_in(const std::string& directory) const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(root() / directory)) {
            if (entry.path().filename() != ".nobody") names.push_back(entry.path().filename());
        }
        return names;
    }

    const Account alice = account_named("alice");
    const Account bob = account_named("bob");

  private:
    TemporaryDirectory directory_;
};

/// The state that is held, with so many failures.
LoginState with_failures(const HeldAccount& held, int failures) {
    auto state = held.state();
    state.known.failures = failures;
    return state;
}

void commit_failures(const TestStore& store, int failures) {
    const auto held = value_of(store.hold());
    value_of(held->commit(with_failures(*held, failures)));
}

unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }

struct stat status_of(const fs::path& path) {
    struct stat status {};
    claim(lstat(path.c_str(), &status) == 0, path.string() + " is there");
    return status;
}

void give_to(const fs::path& path, uid_t user) {
    claim(chown(path.c_str(), user, 0) == 0, "it can be given away");
}

// ---- what an account lives through

void gives_back_what_was_enrolled(void**) {
    const TestStore store;
    const auto held = value_of(store.hold());
    assert_true(held->enrolment() == phone());
    assert_true(held->state().devices == new_login_state(phone()).devices);
}

void gives_back_what_was_committed(void**) {
    const TestStore store;
    for (const int failures : {1, 2, 3}) {
        commit_failures(store, failures);
        assert_int_equal(store.stored().known.failures, failures);
    }
}

void shows_the_committed_state_to_who_holds_it(void**) {
    const TestStore store;
    const auto held = value_of(store.hold());
    value_of(held->commit(with_failures(*held, 7)));
    assert_int_equal(held->state().known.failures, 7);
}

void forgets_an_account_that_is_removed(void**) {
    const TestStore store;
    value_of(value_of(store.hold(HoldFor::removal))->remove());
    assert_false(fs::exists(store.enrolled()));
    assert_false(fs::exists(store.state()));
    assert_false(value_of(store.store().is_enrolled(store.alice)));
    assert_false(value_of(store.hold())->enrolment().has_value());
}

void knows_who_is_enrolled(void**) {
    const TestStore store;
    assert_true(value_of(store.store().is_enrolled(store.alice)));
    assert_false(value_of(store.store().is_enrolled(store.bob)));
}

void knows_who_is_enrolled_while_the_account_is_held(void**) {
    const TestStore store;
    const auto held = value_of(store.hold());
    assert_true(value_of(store.store().is_enrolled(store.alice)));
}

void a_login_of_an_account_without_enrolment_makes_nothing(void**) {
    const TestStore store;
    for (const auto purpose : {HoldFor::login, HoldFor::login_without_state, HoldFor::removal}) {
        assert_false(value_of(store.store().hold(store.bob, purpose))->enrolment().has_value());
        assert_false(fs::exists(store.enrolled("bob")) || fs::exists(store.state("bob")));
    }
}

void enrolling_anew_replaces_enrolment_and_state(void**) {
    const TestStore store;
    commit_failures(store, 9);
    const Enrolment tablet{.devices = {totp_device("tablet")}};
    value_of(value_of(store.hold(HoldFor::change))->enrol(tablet, new_login_state(tablet)));
    const auto held = value_of(store.hold());
    assert_true(held->enrolment() == tablet);
    assert_true(held->state().devices == new_login_state(tablet).devices);
    assert_int_equal(held->state().known.failures, 0);
}

void names_records_so_that_no_account_leaves_the_directory(void**) {
    const TestStore store;
    store.enrol(account_named("../x"));
    assert_true(fs::is_regular_file(store.enrolled("%2E.%2Fx")) &&
                fs::is_regular_file(store.state("%2E.%2Fx")));
}

void refuses_an_account_whose_name_no_record_can_have(void**) {
    const TestStore store;
    for (const auto& name : {std::string(), std::string(256, 'a')}) {
        assert_failure(store.store().hold(account_named(name), HoldFor::login), Trouble::store,
                       "no record can have");
        assert_failure(store.store().is_enrolled(account_named(name)), Trouble::store, "no record can have");
    }
}

// ---- what lies on the disk

void the_state_stays_one_file_of_4096_bytes(void**) {
    const TestStore store;
    const auto before = status_of(store.state());
    for (int failures = 0; failures < 5; ++failures) commit_failures(store, failures);
    const auto after = status_of(store.state());
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, 4096);
    assert_int_equal(after.st_blocks, before.st_blocks);
}

void both_slots_are_whole_from_the_beginning(void**) {
    const TestStore store;
    const auto content = content_of(store.state());
    assert_true(parse_slot(content.substr(0, slot_size)).has_value());
    assert_true(parse_slot(content.substr(slot_size)).has_value());
}

void a_commit_leaves_the_other_slot_untouched(void**) {
    const TestStore store;
    for (int failures = 0; failures < 4; ++failures) {
        const auto before = content_of(store.state());
        const auto kept = slot_for(store.stored().sequence) * slot_size;
        commit_failures(store, failures);
        const auto after = content_of(store.state());
        assert_text(after.substr(kept, slot_size), before.substr(kept, slot_size));
        assert_true(after.substr(slot_size - kept, slot_size) != before.substr(slot_size - kept, slot_size));
    }
}

void a_damaged_slot_leaves_the_state_before_it(void**) {
    const TestStore store;
    commit_failures(store, 1);
    commit_failures(store, 2);
    auto content = content_of(store.state());
    content[slot_for(store.stored().sequence) * slot_size] = 'x';
    write_file(store.state(), content);
    assert_int_equal(store.stored().known.failures, 1);
}

void commits_leave_the_enrolment_alone(void**) {
    const TestStore store;
    const auto before = status_of(store.enrolled());
    commit_failures(store, 1);
    const auto after = status_of(store.enrolled());
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

void records_belong_to_their_user_alone(void**) {
    const TestStore store;
    for (const auto& path : {store.enrolled(), store.state()}) {
        const auto status = status_of(path);
        assert_int_equal(status.st_uid, store.alice.uid);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

void nothing_is_left_beside_the_records(void**) {
    const TestStore store;
    store.enrol(store.alice);
    for (const auto* directory : {"enrolled", "state"}) {
        assert_true(store.names_in(directory) == std::vector<std::string>{"alice"});
    }
}

void nothing_is_left_of_the_question_who_could_be_enrolled(void**) {
    const TestStore store;
    const auto before = content_of(store.enrolled()) + content_of(store.state());
    for (const auto& account : {store.alice, store.bob}) value_of(store.store().can_enrol(account));
    for (const auto* directory : {"enrolled", "state"}) {
        assert_true(store.names_in(directory) == std::vector<std::string>{"alice"});
    }
    assert_text(content_of(store.enrolled()) + content_of(store.state()), before);
}

void nobody_could_be_enrolled_where_something_is_missing(void**) {
    for (const auto& [what, trouble] : {std::pair("key", Trouble::key), std::pair("enrolled", Trouble::store),
                                        std::pair("state", Trouble::store)}) {
        const TestStore store;
        fs::remove_all(store.root() / what);
        assert_failure(store.store().can_enrol(store.bob), trouble, what);
    }
}

void no_secret_is_readable_on_the_disk(void**) {
    const TestStore store;
    const std::string key_uri_start = "otpauth";
    for (const auto& path : {store.enrolled(), store.state()}) {
        assert_true(content_of(path).find(key_uri_start) == std::string::npos);
    }
}

void makes_directories_and_key_for_their_owner_alone(void**) {
    const TestStore store;
    for (const auto& path :
         {store.root(), store.root() / "enrolled", store.root() / "state", store.root() / "pending"}) {
        assert_int_equal(mode_of(path), 0700);
    }
    assert_int_equal(mode_of(store.root() / "key"), 0600);
}

void makes_directories_and_key_for_a_group(void**) {
    const TemporaryDirectory directory;
    const auto root = directory.path() / "store";
    value_of(FileStore({root, root / "state", root / "key", geteuid()}).prepare(getegid()));
    assert_int_equal(mode_of(root), 0710);
    for (const auto* name : {"enrolled", "state", "pending"}) assert_int_equal(mode_of(root / name), 01770);
    assert_int_equal(mode_of(root / "key"), 0640);
    assert_int_equal(status_of(root).st_gid, getegid());
}

/// A group that things can be given to: root has them all, everybody their own.
gid_t group_to_give_to() { return is_root() ? 1'234 : getegid(); }

constexpr std::pair<const char*, unsigned> modes_for_a_group[] = {
    {"", 0710}, {"enrolled", 01770}, {"state", 01770}, {"pending", 01770}, {"key", 0640}};

void gives_what_was_made_for_its_owner_alone_to_a_group(void**) {
    const TestStore store;
    const auto key = content_of(store.root() / "key");
    value_of(store.store().prepare(group_to_give_to()));
    for (const auto& [name, mode] : modes_for_a_group) {
        const auto status = status_of(name[0] == '\0' ? store.root() : store.root() / name);
        claim((status.st_mode & 07777) == mode && status.st_gid == group_to_give_to(), name);
        claim(status.st_uid == geteuid(), std::string(name) + " keeps its owner");
    }
    assert_text(content_of(store.root() / "key"), key);
    assert_true(value_of(store.hold())->enrolment() == phone());
}

void gives_no_records_to_a_group(void**) {
    const TestStore store;
    const auto before = status_of(store.enrolled());
    value_of(store.store().prepare(group_to_give_to()));
    for (const auto& path : {store.enrolled(), store.state()}) {
        assert_int_equal(mode_of(path), 0600);
        assert_int_equal(status_of(path).st_gid, before.st_gid);
    }
}

/// Whoever set it had a reason.
void leaves_any_other_mode_alone(void**) {
    for (const auto& [name, mode_for_group] : modes_for_a_group) {
        for (const unsigned mode : {0500U, 0640U, 0740U, 0750U, 01700U, 02700U}) {
            if (mode == mode_for_group) continue;
            const TestStore store;
            const auto path = name[0] == '\0' ? store.root() : store.root() / name;
            claim(chmod(path.c_str(), mode) == 0, "it can be changed");
            const auto gid = status_of(path).st_gid;
            static_cast<void>(store.store().prepare(group_to_give_to()));  // may not get at what lies in it
            claim(mode_of(path) == mode && status_of(path).st_gid == gid, path.string());
            claim(chmod(path.c_str(), 0700) == 0, "it can be removed");
        }
    }
}

void leaves_what_belongs_to_others_alone(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);  // who alone can give it to them
    for (const auto& [user, group] : {std::pair<uid_t, gid_t>(5, 0), std::pair<uid_t, gid_t>(0, 5)}) {
        for (const auto* name : {"enrolled", "key"}) {
            const TestStore store;
            const auto path = store.root() / name;
            const auto mode = mode_of(path);
            claim(chown(path.c_str(), user, group) == 0, "it can be given away");
            value_of(store.store().prepare(group_to_give_to()));
            claim(mode_of(path) == mode && status_of(path).st_gid == group, path.string());
        }
    }
}

void takes_nothing_back_from_a_group(void**) {
    const TestStore store;
    value_of(store.store().prepare(group_to_give_to()));
    value_of(store.store().prepare(std::nullopt));
    for (const auto& [name, mode] : modes_for_a_group) {
        assert_int_equal(mode_of(name[0] == '\0' ? store.root() : store.root() / name), mode);
    }
}

void says_what_cannot_be_given_to_its_group(void**) {
    if (is_root()) _skip(__FILE__, __LINE__);  // who can give anything
    const TestStore store;
    assert_failure(store.store().prepare(0), Trouble::store,
                   store.root().string() + " can't be given to its group: Operation not permitted");
}

void prepares_once_and_keeps_what_is_there(void**) {
    const TestStore store;
    const auto key = content_of(store.root() / "key");
    value_of(store.store().prepare(std::nullopt));
    assert_text(content_of(store.root() / "key"), key);
    assert_true(value_of(store.hold())->enrolment().has_value());
}

void those_who_prepare_at_once_make_one_key(void**) {
    const TemporaryDirectory directory;
    const auto root = directory.path() / "store";
    const FileStorePlaces places{root, root / "state", root / "key", geteuid()};
    std::vector<pid_t> processes(16);
    for (auto& process : processes) {
        process = fork();
        if (process == 0) _exit(FileStore(places).prepare(std::nullopt) ? 0 : 1);
    }
    for (const auto process : processes) {
        int status = 0;
        claim(waitpid(process, &status, 0) == process && status == 0, "each has what it wanted");
    }
    assert_true(static_cast<bool>(HostKey::read(root / "key", geteuid())));
    for (const auto& entry : fs::directory_iterator(root)) {
        const auto name = entry.path().filename().string();
        claim(!name.starts_with("key") || name == "key", name + " isn't left");
    }
}

void the_state_may_lie_elsewhere(void**) {
    const TestStore store;
    auto places = store.places();
    places.state = store.root().parent_path() / "states";
    value_of(FileStore(places).prepare(std::nullopt));
    const auto held = value_of(FileStore(places).hold(store.bob, HoldFor::change));
    value_of(held->enrol(phone(), new_login_state(phone())));
    assert_true(fs::exists(fs::path(places.state) / "bob") && fs::exists(store.enrolled("bob")));
    assert_false(fs::exists(store.state("bob")));
}

// ---- a key that was shown and isn't confirmed

PendingDevice pending_phone(UnixTime shown) { return {totp_device("phone"), shown, "192.0.2.7"}; }

/// When bob's pending key was shown; 0 where there is none.
UnixTime shown_to_bob(const TestStore& store) {
    const auto pending = value_of(store.store().pending(store.bob));
    return pending ? pending->shown : 0;
}

void a_pending_key_is_kept_until_the_next(void**) {
    const TestStore store;
    assert_int_equal(shown_to_bob(store), 0);
    for (const UnixTime shown : {100, 200}) {
        value_of(store.store().keep_pending(store.bob, pending_phone(shown)));
        assert_int_equal(shown_to_bob(store), shown);
    }
    assert_false(value_of(store.store().is_enrolled(store.bob)));
}

void a_pending_key_is_sealed_and_its_users_alone(void**) {
    const TestStore store;
    value_of(store.store().keep_pending(store.bob, pending_phone(100)));
    const auto file = store.root() / "pending" / "bob";
    assert_true(content_of(file).find("otpauth") == std::string::npos);
    assert_true(fs::status(file).permissions() == fs::perms(0600));
    fs::rename(file, store.root() / "pending" / "alice");
    assert_false(value_of(store.store().pending(store.alice)).has_value());
}

void a_pending_key_goes_when_somebody_enrols(void**) {
    const TestStore store;
    value_of(store.store().keep_pending(store.bob, pending_phone(100)));
    store.enrol(store.bob);
    assert_int_equal(shown_to_bob(store), 0);
}

void a_pending_key_that_cannot_be_read_is_none(void**) {
    const TestStore store;
    const auto file = store.root() / "pending" / "bob";
    const std::pair<const char*, std::function<void()>> damages[] = {
        {"cut", [&] { fs::resize_file(file, 10); }},
        {"empty", [&] { fs::resize_file(file, 0); }},
        {"for others to read", [&] { fs::permissions(file, fs::perms(0644)); }},
        {"a link", [&] { fs::rename(file, store.root() / "x"), fs::create_symlink("../x", file); }},
        {"another's", [&] { write_file(file, content_of(store.enrolled())); }},
    };
    for (const auto& [what, damage] : damages) {
        fs::remove(file);
        value_of(store.store().keep_pending(store.bob, pending_phone(100)));
        damage();
        claim(shown_to_bob(store) == 0, what);
    }
}

void a_pending_key_is_not_kept_where_that_fails(void**) {
    const TestStore store;
    fs::remove_all(store.root() / "pending");
    assert_failure(store.store().keep_pending(store.bob, pending_phone(100)), Trouble::store, "pending");
    assert_failure(store.store().pending(store.bob), Trouble::store, "pending");
}

// ---- an enrolled account without a state

void a_login_without_state_is_refused_and_the_file_named(void**) {
    const TestStore store;
    fs::remove(store.state());
    assert_failure(store.hold(), Trouble::store, store.state().string() + " is missing");
    assert_false(fs::exists(store.state()));
}

void an_account_is_named_in_words_fit_for_the_log(void**) {
    const TestStore store;
    const auto account = account_named("bob\n\xdd");
    store.enrol(account);
    const auto record = *record_name(account.name);
    write_file(store.state(record), "");
    assert_failure(store.store().hold(account, HoldFor::login), Trouble::store,
                   R"(--user $'bob\012\335' and enrol)");
    fs::remove(store.state(record));
    assert_failure(store.store().hold(account, HoldFor::login), Trouble::store,
                   R"(--user $'bob\012\335' and enrol)");
    if (!is_root()) return;
    give_to(store.enrolled(record), 1'234);
    assert_failure(store.store().hold(account, HoldFor::login), Trouble::store, "belong to bob%0A%DD (");
}

void a_lost_state_is_as_the_settings_say(void**) {
    constexpr UnixTime now = 1'800'000'000;
    for (const auto purpose : {HoldFor::login, HoldFor::change}) {
        const TestStore store;
        fs::remove(store.state());
        auto files = store.store();
        const auto held =
            value_of(hold_by_settings(files, store.alice, purpose, MissingState::start_anew, now));
        assert_true(held->state().devices == with_lost_devices_restarted({}, phone(), now).devices);
    }
    const TestStore store;
    fs::remove(store.state());
    auto files = store.store();
    assert_failure(hold_by_settings(files, store.alice, HoldFor::login, MissingState::refuse, now),
                   Trouble::store, "is missing");
    assert_true(value_of(hold_by_settings(files, store.alice, HoldFor::change, MissingState::refuse, now))
                    ->state()
                    .devices.empty());
}

void an_empty_state_is_made_where_that_is_wanted(void**) {
    for (const auto purpose : {HoldFor::login_without_state, HoldFor::change}) {
        const TestStore store;
        fs::remove(store.state());
        const auto held = value_of(store.hold(purpose));
        assert_true(held->enrolment() == phone());
        assert_true(held->state().devices.empty());
        assert_int_equal(fs::file_size(store.state()), 4096);
        value_of(held->commit(with_failures(*held, 3)));
    }
}

void a_change_holds_an_account_that_nobody_knows(void**) {
    const TestStore store;
    const auto held = value_of(store.store().hold(store.bob, HoldFor::change));
    assert_false(held->enrolment().has_value());
    assert_true(held->state().devices.empty());
}

void an_account_without_state_can_be_removed(void**) {
    const TestStore store;
    fs::remove(store.state());
    value_of(value_of(store.hold(HoldFor::removal))->remove());
    assert_false(fs::exists(store.enrolled()));
}

// ---- records that don't count

/// What is done to the path of a record, and what the failure then says of it.
struct Damage {
    std::string error;
    std::function<void(const fs::path&)> act;
};

void replace(const fs::path& path, std::string_view content) { write_file(path, content); }

/// What makes any record count for nothing, be it the enrolment or the state.
std::vector<Damage> damages_of_any_record() {
    std::vector<Damage> damages = {
        {"is a symbolic link",
         [](const fs::path& path) {
             fs::rename(path, path.string() + ".real");
             fs::create_symlink(path.string() + ".real", path);
         }},
        {"has another name as well",
         [](const fs::path& path) { fs::create_hard_link(path, path.string() + ".2"); }},
        {"isn't a regular file",
         [](const fs::path& path) {
             fs::remove(path);
             claim(mkfifo(path.c_str(), 0600) == 0, "a pipe can be made");
         }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0640); }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0604); }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0610); }},
    };
    if (is_root())
        damages.push_back({"doesn't belong to alice", [](const fs::path& path) { give_to(path, 1'234); }});
    return damages;
}

std::vector<Damage> damages_of_the_enrolment() {
    auto damages = damages_of_any_record();
    damages.insert(
        damages.end(),
        {{"is empty", [](const fs::path& path) { replace(path, ""); }},
         {"is cut short", [](const fs::path& path) { fs::resize_file(path, fs::file_size(path) - 1); }},
         {"is cut short", [](const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); }},
         {"is cut short", [](const fs::path& path) { fs::resize_file(path, 25); }},
         {"isn't an enrolment of a version", [](const fs::path& path) { replace(path, "garbage\n"); }},
         {"isn't an enrolment of a version",
          [](const fs::path& path) { replace(path, std::string(100'000, '\0')); }},
         {"isn't an enrolment of a version",
          [](const fs::path& path) { replace(path, "pam-totp-enrolment 2 " + content_of(path).substr(21)); }},
         {"is ", [](const fs::path& path) { replace(path, content_of(path) + std::string(16'384, 'A')); }},
         {"is damaged, or was made for another user",
          [](const fs::path& path) { replace(path, content_of(path.parent_path() / "bob")); }}});
    return damages;
}

std::vector<Damage> damages_of_the_state() {
    auto damages = damages_of_any_record();
    const auto of_another_version = [](const fs::path& path) {
        auto content = content_of(path);
        content[15] = content[slot_size + 15] = '2';
        replace(path, content);
    };
    damages.insert(
        damages.end(),
        {{"isn't 4096 bytes long", [](const fs::path& path) { replace(path, ""); }},
         {"isn't 4096 bytes long", [](const fs::path& path) { fs::resize_file(path, 4'095); }},
         {"isn't 4096 bytes long", [](const fs::path& path) { fs::resize_file(path, 2'048); }},
         {"isn't 4096 bytes long", [](const fs::path& path) { fs::resize_file(path, 4'097); }},
         {"is damaged or of a version", [](const fs::path& path) { replace(path, std::string(4'096, 'x')); }},
         {"is damaged or of a version",
          [](const fs::path& path) { replace(path, std::string(4'096, '\0')); }},
         {"is damaged or of a version", of_another_version}});
    return damages;
}

void claim_that_it_is_refused(const Damage& damage, fs::path (TestStore::*record)(const std::string&) const) {
    const TestStore store;
    store.enrol(store.bob);
    const auto path = (store.*record)("alice");
    damage.act(path);
    for (const auto purpose : {HoldFor::login, HoldFor::login_without_state, HoldFor::change}) {
        assert_failure(store.hold(purpose), Trouble::store, path.string() + " " + damage.error);
    }
    value_of(store.store().hold(store.bob, HoldFor::login));
}

void refuses_every_bad_enrolment_and_names_it(void**) {
    for (const auto& damage : damages_of_the_enrolment())
        claim_that_it_is_refused(damage, &TestStore::enrolled);
}

void refuses_every_bad_state_and_names_it(void**) {
    for (const auto& damage : damages_of_the_state()) claim_that_it_is_refused(damage, &TestStore::state);
}

void claim_that_it_can_be_removed(const Damage& damage, const TestStore& store) {
    const auto held = store.hold(HoldFor::removal);
    claim(static_cast<bool>(held) && static_cast<bool>((*held)->remove()), damage.error);
    claim(!fs::exists(fs::symlink_status(store.enrolled())) && !fs::exists(fs::symlink_status(store.state())),
          damage.error);
}

void a_damaged_enrolment_can_be_removed(void**) {
    for (const auto& damage : damages_of_the_enrolment()) {
        const TestStore store;
        store.enrol(store.bob);
        damage.act(store.enrolled());
        claim_that_it_can_be_removed(damage, store);
    }
}

void a_damaged_state_can_be_removed(void**) {
    for (const auto& damage : damages_of_the_state()) {
        const TestStore store;
        damage.act(store.state());
        claim_that_it_can_be_removed(damage, store);
    }
}

void takes_records_that_belong_to_root(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);  // who alone can make them
    const TestStore store;
    for (const auto& path : {store.enrolled(), store.state()}) give_to(path, 0);
    commit_failures(store, 4);
    assert_int_equal(store.stored().known.failures, 4);
}

// ---- directories and keys that don't count

void refuses_directories_that_are_open_and_says_to_whom(void**) {
    const std::pair<unsigned, std::string> modes[] = {{0701, "is open to others"},
                                                      {0702, "is open to others"},
                                                      {0755, "is open to others"},
                                                      {01777, "is open to others"},
                                                      {0770, "lets its group take others' records away"}};
    for (const auto* name : {"", "enrolled", "state"}) {
        for (const auto& [mode, error] : modes) {
            const TestStore store;
            const auto path = name[0] == '\0' ? store.root() : store.root() / name;
            fs::permissions(path, static_cast<fs::perms>(mode));
            assert_failure(store.hold(), Trouble::store, path.string() + " " + error);
        }
    }
}

void takes_directories_that_a_group_may_add_to(void**) {
    const TestStore store;
    for (const auto* name : {"enrolled", "state"})
        fs::permissions(store.root() / name, static_cast<fs::perms>(01770));
    value_of(store.hold());
}

void refuses_directories_that_are_links(void**) {
    for (const auto* name : {"enrolled", "state"}) {
        const TestStore store;
        fs::rename(store.root() / name, store.root() / "moved");
        fs::create_symlink(store.root() / "moved", store.root() / name);
        assert_failure(store.hold(), Trouble::store, (store.root() / name).string() + " isn't a directory");
    }
}

void refuses_directories_of_another_user(void**) {
    if (!is_root()) _skip(__FILE__, __LINE__);  // who alone can give them away
    for (const auto* name : {"enrolled", "state"}) {
        const TestStore store;
        give_to(store.root() / name, 1'234);
        assert_failure(store.hold(), Trouble::store,
                       (store.root() / name).string() + " doesn't belong to root");
    }
}

void names_the_directory_that_is_missing(void**) {
    for (const auto* name : {"enrolled", "state"}) {
        const TestStore store;
        fs::remove_all(store.root() / name);
        assert_failure(store.hold(), Trouble::store, (store.root() / name).string() + " is missing");
    }
}

void refuses_every_bad_key_and_names_it(void**) {
    std::vector<Damage> damages = {
        {"isn't 32 bytes long", [](const fs::path& path) { fs::resize_file(path, 31); }},
        {"isn't 32 bytes long", [](const fs::path& path) { fs::resize_file(path, 33); }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0644); }},
        {"is open to others", [](const fs::path& path) { chmod(path.c_str(), 0660); }},
        {"is missing: bring it back from a backup", [](const fs::path& path) { fs::remove(path); }},
    };
    if (is_root())
        damages.push_back({"doesn't belong to root", [](const fs::path& path) { give_to(path, 1'234); }});
    for (const auto& damage : damages) {
        const TestStore store;
        const auto path = store.root() / "key";
        damage.act(path);
        assert_failure(store.hold(), Trouble::key, "the host key " + path.string() + " " + damage.error);
    }
}

void refuses_an_enrolment_sealed_under_another_key(void**) {
    const TestStore store;
    fs::remove(store.root() / "key");
    value_of(HostKey::create(store.root() / "key", std::nullopt));
    assert_failure(store.hold(), Trouble::key,
                   store.enrolled().string() + " is sealed under a key that isn't this host's");
}

void a_lost_key_is_not_made_anew_while_somebody_is_enrolled(void**) {
    const TestStore store;
    fs::remove(store.root() / "key");
    assert_failure(store.store().prepare(std::nullopt), Trouble::key, "bring it back from a backup");
    assert_false(fs::exists(store.root() / "key"));
}

void an_account_whose_key_is_lost_can_be_removed(void**) {
    const TestStore store;
    fs::remove(store.root() / "key");
    value_of(value_of(store.hold(HoldFor::removal))->remove());
    assert_false(fs::exists(store.enrolled()));
}

// ---- enrolments that aren't stored

void stores_no_enrolment_that_contradicts_itself(void**) {
    const TestStore store;
    const auto before = content_of(store.enrolled());
    const Enrolment nothing;
    const auto held = value_of(store.hold(HoldFor::change));
    assert_failure(held->enrol(nothing, {}), Trouble::input, "there would be no device");
    const Enrolment twins{.devices = {totp_device("phone"), totp_device("phone")}};
    assert_failure(held->enrol(twins, new_login_state(twins)), Trouble::input, "two devices named phone");
    assert_text(content_of(store.enrolled()), before);
    assert_true(held->enrolment() == phone());
}

void stores_no_enrolment_without_a_key(void**) {
    const TestStore store;
    const auto held = value_of(store.store().hold(store.bob, HoldFor::change));
    fs::remove(store.root() / "key");
    assert_failure(held->enrol(phone(), new_login_state(phone())), Trouble::key, "is missing");
    assert_false(fs::exists(store.enrolled("bob")));
}

/// Else a crash between the two would bring spent codes back.
void writes_the_state_before_the_enrolment(void**) {
    const TestStore store;
    auto held = value_of(store.store().hold(store.bob, HoldFor::change));
    fs::create_directory(store.enrolled("bob"));  // where no file can be put in place
    auto state = new_login_state(phone());
    state.known.failures = 6;
    assert_failure(held->enrol(phone(), state), Trouble::store, "bob can't be put in place");
    held.reset();
    fs::remove(store.enrolled("bob"));
    assert_int_equal(value_of(store.store().hold(store.bob, HoldFor::change))->state().known.failures, 6);
    assert_true(store.names_in("enrolled") == std::vector<std::string>{"alice"});
}

// ---- the disk says no

/// Files may not grow beyond so many bytes, nor be written there.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t size) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{.rlim_cur = size, .rlim_max = before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

void a_file_size_limit_fails_the_commit_and_not_the_process(void**) {
    for (const rlim_t size : {0, 1'000}) {
        const TestStore store;
        commit_failures(store, 1);
        const auto held = value_of(store.hold());
        const auto committed = [&] {
            const FileSizeLimit limit(size);
            return held->commit(with_failures(*held, 2));
        }();
        assert_failure(committed, Trouble::store,
                       store.state().string() + " can't be written: File too large");
        assert_int_equal(held->state().known.failures, 1);
    }
}

void a_commit_that_failed_leaves_the_old_state(void**) {
    const TestStore store;
    commit_failures(store, 1);
    {
        const auto held = value_of(store.hold());
        const FileSizeLimit limit(0);
        static_cast<void>(held->commit(with_failures(*held, 2)));
    }
    assert_int_equal(store.stored().known.failures, 1);
}

void a_file_size_limit_fails_the_enrolment_and_leaves_nothing(void**) {
    const TestStore store;
    const auto held = [&] {
        const FileSizeLimit limit(0);
        return store.store().hold(store.bob, HoldFor::change);
    }();
    assert_failure(held, Trouble::store, "bob can't be written: File too large");
    assert_true(store.names_in("state") == std::vector<std::string>{"alice"});
}

// ---- two at once

/// Answers the store's pauses while it lives.
class PauseAnswer {
  public:
    explicit PauseAnswer(std::function<void(long)> answer) { on_pause = std::move(answer); }
    PauseAnswer(const PauseAnswer&) = delete;
    PauseAnswer& operator=(const PauseAnswer&) = delete;
    ~PauseAnswer() { on_pause = nullptr; }
};

void who_comes_second_waits_and_reads_what_the_first_committed(void**) {
    const TestStore store;
    auto first = value_of(store.hold());
    int pauses = 0;
    const PauseAnswer answer([&](long) {
        if (++pauses != 3) return;
        value_of(first->commit(with_failures(*first, 8)));
        first.reset();
    });
    assert_int_equal(value_of(store.hold())->state().known.failures, 8);
    assert_int_equal(pauses, 3);
}

void waits_five_seconds_for_a_lock_and_no_longer(void**) {
    const TestStore store;
    const auto first = value_of(store.hold());
    long waited = 0;
    const PauseAnswer answer([&](long microseconds) { waited += microseconds; });
    assert_failure(store.hold(), Trouble::store, store.state().string() + " is in use by another login");
    assert_in_range(waited, 4'990'000, 5'100'000);
}

void accounts_do_not_wait_for_each_other(void**) {
    const TestStore store;
    store.enrol(store.bob);
    const PauseAnswer answer([](long) { claim(false, "nobody waits"); });
    const auto first = value_of(store.hold());
    value_of(store.store().hold(store.bob, HoldFor::login));
}

void a_removal_waits_for_a_login(void**) {
    const TestStore store;
    auto login = value_of(store.hold());
    int pauses = 0;
    const PauseAnswer answer([&](long) {
        if (++pauses == 2) login.reset();
    });
    value_of(store.hold(HoldFor::removal));
    assert_int_equal(pauses, 2);
}

/// While we wait for the lock the account is removed and enrolled again: what counts is the new record.
void a_record_replaced_while_waiting_is_read_again(void**) {
    const TestStore store;
    auto first = value_of(store.hold(HoldFor::change));
    const PauseAnswer answer([&](long) {
        if (!first) return;
        value_of(first->remove());
        first.reset();
        store.enrol(store.alice);
        commit_failures(store, 5);
    });
    const auto second = value_of(store.hold());
    assert_int_equal(second->state().known.failures, 5);
    value_of(second->commit(with_failures(*second, 6)));
    assert_int_equal(
        parse_slot(
            content_of(store.state()).substr(slot_for(second->state().sequence) * slot_size, slot_size))
            ->known.failures,
        6);
}

/// Runs `act` in a process of its own; its id.
template <class Act>
pid_t in_another_process(Act act) {
    const pid_t process = fork();
    claim(process >= 0, "a process can be made");
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    act();
    _exit(0);
}

void no_failure_is_lost_among_processes(void**) {
    constexpr int processes = 4;
    constexpr int failures_of_each = 10;
    const TestStore store;
    for (int i = 0; i < processes; ++i) {
        in_another_process([&] {
            for (int count = 0; count < failures_of_each; ++count) {
                auto held = store.hold();
                if (!held || !(*held)->commit(with_failures(**held, (*held)->state().known.failures + 1)))
                    _exit(1);
            }
        });
    }
    for (int i = 0; i < processes; ++i) {
        int status = 0;
        claim(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0, "no process failed");
    }
    assert_int_equal(store.stored().known.failures, processes * failures_of_each);
}

void a_lock_goes_with_the_process_that_is_killed(void**) {
    const TestStore store;
    int held_by_child[2];
    claim(pipe(held_by_child) == 0, "a pipe can be made");
    const auto child = in_another_process([&] {
        const auto held = store.hold();
        if (!held || write(held_by_child[1], "h", 1) != 1) _exit(1);
        while (true) pause();
    });
    char told = 0;
    claim(read(held_by_child[0], &told, 1) == 1, "the child holds the account");
    const PauseAnswer answer([&](long) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    });
    value_of(store.hold());
    close(held_by_child[0]);
    close(held_by_child[1]);
}

/// As configuration management does it, and rekey: the file that was opened may have no name any more.
void an_enrolment_that_is_replaced_again_and_again_is_always_read(void**) {
    const TestStore store;
    const auto other = store.enrolled(".deployed").string();
    const auto content = content_of(store.enrolled());
    const auto deploying = in_another_process([&] {
        for (;;) {
            write_file(other, content);
            if (is_root() && chown(other.c_str(), store.alice.uid, static_cast<gid_t>(-1)) != 0) _exit(1);
            fs::rename(other, store.enrolled());
        }
    });
    for (int i = 0; i < 10'000; ++i)
        claim(value_of(store.hold())->enrolment().has_value(), "alice is enrolled");
    int status = 0;
    claim(waitpid(deploying, &status, WNOHANG) == 0, "and all the while it was");
    kill(deploying, SIGKILL);
    waitpid(deploying, &status, 0);
}

void leaves_no_descriptor_open(void**) {
    const auto open_descriptors = [] {
        const fs::directory_iterator entries("/proc/self/fd");
        return std::distance(begin(entries), end(entries));
    };
    const auto before = open_descriptors();
    {
        const TestStore store;
        commit_failures(store, 1);
        static_cast<void>(store.store().hold(store.bob, HoldFor::login));
    }
    assert_int_equal(open_descriptors(), before);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_enrolled),
        cmocka_unit_test(gives_back_what_was_committed),
        cmocka_unit_test(shows_the_committed_state_to_who_holds_it),
        cmocka_unit_test(forgets_an_account_that_is_removed),
        cmocka_unit_test(knows_who_is_enrolled),
        cmocka_unit_test(knows_who_is_enrolled_while_the_account_is_held),
        cmocka_unit_test(a_login_of_an_account_without_enrolment_makes_nothing),
        cmocka_unit_test(enrolling_anew_replaces_enrolment_and_state),
        cmocka_unit_test(names_records_so_that_no_account_leaves_the_directory),
        cmocka_unit_test(refuses_an_account_whose_name_no_record_can_have),
        cmocka_unit_test(the_state_stays_one_file_of_4096_bytes),
        cmocka_unit_test(both_slots_are_whole_from_the_beginning),
        cmocka_unit_test(a_commit_leaves_the_other_slot_untouched),
        cmocka_unit_test(a_damaged_slot_leaves_the_state_before_it),
        cmocka_unit_test(commits_leave_the_enrolment_alone),
        cmocka_unit_test(records_belong_to_their_user_alone),
        cmocka_unit_test(nothing_is_left_beside_the_records),
        cmocka_unit_test(nothing_is_left_of_the_question_who_could_be_enrolled),
        cmocka_unit_test(nobody_could_be_enrolled_where_something_is_missing),
        cmocka_unit_test(no_secret_is_readable_on_the_disk),
        cmocka_unit_test(makes_directories_and_key_for_their_owner_alone),
        cmocka_unit_test(makes_directories_and_key_for_a_group),
        cmocka_unit_test(gives_what_was_made_for_its_owner_alone_to_a_group),
        cmocka_unit_test(gives_no_records_to_a_group),
        cmocka_unit_test(leaves_any_other_mode_alone),
        cmocka_unit_test(leaves_what_belongs_to_others_alone),
        cmocka_unit_test(takes_nothing_back_from_a_group),
        cmocka_unit_test(says_what_cannot_be_given_to_its_group),
        cmocka_unit_test(prepares_once_and_keeps_what_is_there),
        cmocka_unit_test(those_who_prepare_at_once_make_one_key),
        cmocka_unit_test(the_state_may_lie_elsewhere),
        cmocka_unit_test(a_login_without_state_is_refused_and_the_file_named),
        cmocka_unit_test(an_account_is_named_in_words_fit_for_the_log),
        cmocka_unit_test(a_lost_state_is_as_the_settings_say),
        cmocka_unit_test(an_empty_state_is_made_where_that_is_wanted),
        cmocka_unit_test(a_change_holds_an_account_that_nobody_knows),
        cmocka_unit_test(an_account_without_state_can_be_removed),
        cmocka_unit_test(refuses_every_bad_enrolment_and_names_it),
        cmocka_unit_test(refuses_every_bad_state_and_names_it),
        cmocka_unit_test(a_damaged_enrolment_can_be_removed),
        cmocka_unit_test(a_damaged_state_can_be_removed),
        cmocka_unit_test(takes_records_that_belong_to_root),
        cmocka_unit_test(refuses_directories_that_are_open_and_says_to_whom),
        cmocka_unit_test(takes_directories_that_a_group_may_add_to),
        cmocka_unit_test(refuses_directories_that_are_links),
        cmocka_unit_test(refuses_directories_of_another_user),
        cmocka_unit_test(names_the_directory_that_is_missing),
        cmocka_unit_test(refuses_every_bad_key_and_names_it),
        cmocka_unit_test(refuses_an_enrolment_sealed_under_another_key),
        cmocka_unit_test(a_lost_key_is_not_made_anew_while_somebody_is_enrolled),
        cmocka_unit_test(an_account_whose_key_is_lost_can_be_removed),
        cmocka_unit_test(stores_no_enrolment_that_contradicts_itself),
        cmocka_unit_test(stores_no_enrolment_without_a_key),
        cmocka_unit_test(writes_the_state_before_the_enrolment),
        cmocka_unit_test(a_file_size_limit_fails_the_commit_and_not_the_process),
        cmocka_unit_test(a_commit_that_failed_leaves_the_old_state),
        cmocka_unit_test(a_file_size_limit_fails_the_enrolment_and_leaves_nothing),
        cmocka_unit_test(who_comes_second_waits_and_reads_what_the_first_committed),
        cmocka_unit_test(waits_five_seconds_for_a_lock_and_no_longer),
        cmocka_unit_test(accounts_do_not_wait_for_each_other),
        cmocka_unit_test(a_pending_key_is_kept_until_the_next),
        cmocka_unit_test(a_pending_key_is_sealed_and_its_users_alone),
        cmocka_unit_test(a_pending_key_goes_when_somebody_enrols),
        cmocka_unit_test(a_pending_key_that_cannot_be_read_is_none),
        cmocka_unit_test(a_pending_key_is_not_kept_where_that_fails),
        cmocka_unit_test(a_removal_waits_for_a_login),
        cmocka_unit_test(a_record_replaced_while_waiting_is_read_again),
        cmocka_unit_test(no_failure_is_lost_among_processes),
        cmocka_unit_test(a_lock_goes_with_the_process_that_is_killed),
        cmocka_unit_test(an_enrolment_that_is_replaced_again_and_again_is_always_read),
        cmocka_unit_test(leaves_no_descriptor_open),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
