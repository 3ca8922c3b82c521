// What core asks of the system fails, each call in turn, in every way it can. A change of the store is made
// or not made, and whole; another program's answer is the answer or a failure; settings are those of the file
// or refused, never the defaults. (Logins: tests/pam/fault_test. Whole commands:
// tests/system/test_faults.py.)
#include <cerrno>
#include <cstring>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/file_store.h"
#include "core/recovery.h"
#include "core/rekey.h"
#include "core/seal.h"
#include "tests/faults/faults.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

using faults::Fault;
using faults::Kind;

constexpr int errors[] = {EACCES, EINTR, EIO, ENOSPC};  // each with a branch of its own somewhere

/// Runs `operation` once for each of its calls and each way that can fail, then `look`, which is told what
/// was spoilt. `prepare` goes before each.
void for_each_fault(const std::function<void()>& prepare, const std::function<void()>& operation,
                    const std::function<void(const std::string&)>& look) {
    prepare();
    faults::begin({});
    operation();
    const auto calls = faults::end();
    claim(!calls.empty() && calls.size() < 1'000, "calls are counted");
    const auto spoil = [&](const Fault& fault, const std::string& how) {
        prepare();
        faults::begin(fault);
        operation();
        faults::end();
        look("call " + std::to_string(fault.at) + ", " + calls[fault.at - 1] + ": " + how);
    };
    for (std::size_t at = 1; at <= calls.size(); ++at) {
        for (const int error : errors) spoil({at, Kind::error, error}, strerror(error));
        spoil({at, Kind::cut_short}, "cut short");
    }
    count_cases(calls.size() * (std::size(errors) + 1));
}

/// A store that alice is enrolled in, as often as it is wanted.
class Copies {
  public:
    Copies() {
        value_of(store_in(original_).prepare(std::nullopt));
        value_of(enrol(store_in(original_), alice, phone));
        value_of(store_in(original_).keep_pending(alice, pending_));
    }

    void make_copy() {
        fs::remove_all(copy_);
        fs::copy(original_, copy_, fs::copy_options::recursive);
    }
    void make_nothing() {
        fs::remove_all(copy_);
        fs::create_directory(copy_);
    }
    FileStore store() const { return store_in(copy_); }
    FileStorePlaces places() const { return places_in(copy_); }

    static Result<Done> enrol(FileStore store, const Account& account, const Enrolment& enrolment) {
        const auto held = store.hold(account, HoldFor::change);
        if (!held) return held.failure();
        return (*held)->enrol(enrolment, new_login_state(enrolment));
    }

    const Account alice{"alice", geteuid()};
    const Account bob{"bob", geteuid()};
    const Enrolment phone{.devices = {totp_device("phone")}};
    const Enrolment both{.devices = {totp_device("phone"), hotp_device("token")}};
    const PendingDevice another_pending{totp_device("phone"), 1'700'000'000, "198.51.100.1"};

  private:
    static FileStorePlaces places_in(const fs::path& root) {
        return {root / "store", root / "store/state", root / "key", geteuid()};
    }
    static FileStore store_in(const fs::path& root) { return FileStore(places_in(root)); }

    TemporaryDirectory directory_;
    fs::path original_ = made(directory_.path() / "original");
    fs::path copy_ = directory_.path() / "copy";
    PendingDevice pending_{totp_device("phone"), 1'600'000'000, "192.0.2.7"};

    static fs::path made(const fs::path& path) {
        fs::create_directory(path);
        return path;
    }
};

/// What is enrolled; the state must fit it.
std::optional<Enrolment> enrolled(FileStore store, const Account& account, const std::string& what) {
    const auto held = store.hold(account, HoldFor::login);
    claim(static_cast<bool>(held), what + ": " + (held ? "" : held.failure().message.english()));
    return (*held)->enrolment();
}

void change_of_an_enrolment_is_made_or_not(void**) {
    Copies copies;
    bool is_done = false;
    for_each_fault([&] { copies.make_copy(); },
                   [&] { is_done = bool(Copies::enrol(copies.store(), copies.alice, copies.both)); },
                   [&](const std::string& what) {
                       const auto now = enrolled(copies.store(), copies.alice, what);
                       claim(now == copies.both || (!is_done && now == copies.phone), what);
                       value_of(Copies::enrol(copies.store(), copies.alice, copies.both));
                   });
}

void newcomer_is_enrolled_or_not(void**) {
    Copies copies;
    bool is_done = false;
    for_each_fault([&] { copies.make_copy(); },
                   [&] { is_done = bool(Copies::enrol(copies.store(), copies.bob, copies.both)); },
                   [&](const std::string& what) {
                       const auto now = enrolled(copies.store(), copies.bob, what);
                       claim(now == copies.both || (!is_done && !now), what);
                       value_of(Copies::enrol(copies.store(), copies.bob, copies.both));
                   });
}

void account_is_removed_or_can_be_removed_again(void**) {
    Copies copies;
    bool is_done = false;
    const auto remove = [&] {
        const auto held = copies.store().hold(copies.alice, HoldFor::removal);
        is_done = held && (*held)->remove();
    };
    for_each_fault([&] { copies.make_copy(); }, remove,
                   [&](const std::string& what) {
                       if (!is_done) remove();
                       claim(is_done && !enrolled(copies.store(), copies.alice, what), what);
                   });
}

void key_that_was_shown_is_the_old_one_or_the_new(void**) {
    Copies copies;
    bool is_done = false;
    for_each_fault([&] { copies.make_copy(); },
                   [&] { is_done = bool(copies.store().keep_pending(copies.alice, copies.another_pending)); },
                   [&](const std::string& what) {
                       const auto kept = value_of(copies.store().pending(copies.alice));
                       claim(kept.has_value(), what);
                       claim(!is_done || kept->shown == copies.another_pending.shown, what);
                   });
}

void enrolment_is_whole_whatever_fails_in_a_rekey(void**) {
    Copies copies;
    bool is_done = false;
    const auto rekey_all = [&] {
        const auto rekeyed = rekey(copies.places(), std::nullopt);
        is_done = rekeyed && rekeyed->is_done();
    };
    for_each_fault([&] { copies.make_copy(); }, rekey_all,
                   [&](const std::string& what) {
                       claim(enrolled(copies.store(), copies.alice, what) == copies.phone, what);
                       rekey_all();
                       claim(is_done && !fs::exists(next_key(copies.places().key)),
                             what + ": and it goes on");
                       claim(enrolled(copies.store(), copies.alice, what) == copies.phone, what);
                   });
}

void store_can_be_prepared_after_whatever_failed(void**) {
    Copies copies;
    for_each_fault([&] { copies.make_nothing(); },
                   [&] { static_cast<void>(copies.store().prepare(getegid())); },
                   [&](const std::string& what) {
                       value_of(copies.store().prepare(getegid()));
                       value_of(Copies::enrol(copies.store(), copies.bob, copies.both));
                       claim(enrolled(copies.store(), copies.bob, what) == copies.both, what);
                   });
}

void answer_of_another_program_is_whole_or_none(void**) {
    const Program cat{.path = "/bin/cat"};
    const auto open_descriptors = [] {
        const fs::directory_iterator entries("/proc/self/fd");
        return std::distance(begin(entries), end(entries));
    };
    const auto before = open_descriptors();
    std::optional<Result<SecretBytes>> answer;
    for_each_fault([] {}, [&] { answer = answer_of(cat, "correct horse", 100); },
                   [&](const std::string& what) {
                       claim(!*answer || (**answer).text() == "correct horse", what);
                       claim(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, what + ": no child");
                       claim(open_descriptors() == before, what + ": no descriptor");
                   });
}

void settings_are_those_of_the_files_or_refused(void**) {
    const TemporaryDirectory directory;
    fs::create_directories(directory.path() / "pam_totp.conf.d");
    write_file(directory.path() / "pam_totp.conf", "window=3\n", 0644);
    write_file(directory.path() / "pam_totp.conf.d/10-more.conf", "max_drift=7\n", 0644);
    const auto here = directory.path().string();
    const auto nowhere = here + "/vendor";
    std::optional<Result<Settings>> settings;
    for_each_fault([] {},
                   [&] {
                       settings = read_settings({nowhere.c_str(), here.c_str(), geteuid()});
                   },
                   [&](const std::string& what) {
                       if (!*settings) return;
                       claim((*settings)->policy.window == 3, what);
                       claim((*settings)->policy.max_drift == 7, what);
                   });
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(change_of_an_enrolment_is_made_or_not),
        cmocka_unit_test(newcomer_is_enrolled_or_not),
        cmocka_unit_test(account_is_removed_or_can_be_removed_again),
        cmocka_unit_test(key_that_was_shown_is_the_old_one_or_the_new),
        cmocka_unit_test(enrolment_is_whole_whatever_fails_in_a_rekey),
        cmocka_unit_test(store_can_be_prepared_after_whatever_failed),
        cmocka_unit_test(answer_of_another_program_is_whole_or_none),
        cmocka_unit_test(settings_are_those_of_the_files_or_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
