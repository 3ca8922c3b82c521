#include "tests/fuzz/fake_machine.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <deque>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/child_process.h"
#include "tests/fuzz/temporary_directory.h"

namespace fs = std::filesystem;

namespace {

constexpr totp::UnixTime end_of_time = 99'999'999'999;  // the last second that a state can hold

/// What is so until the next enter().
struct Circumstances {
    totp::UnixTime now = machine::begin;
    std::uint8_t random = 0;
    bool is_root = true;
    bool is_another_user = false;
    bool is_store_moved = false;
    std::deque<std::string> helper_answers;
    std::vector<std::string> said_by_helper;
};

bool is_entered = false;
Circumstances circumstances;
std::string recovery;
totp::Enrolment alices_enrolment;
std::string state_at_begin;

template <class T>
T unwrapped(totp::Result<T> result) {
    promise(static_cast<bool>(result));
    return *std::move(result);
}

totp::FileStore store() {
    const auto& directory = machine::directory();
    return totp::FileStore(
        {directory + "/store", directory + "/store/state", directory + "/key", machine::owner()});
}

fs::path records(const char* kind) { return fs::path(machine::directory()) / "store" / kind; }

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void enrol_alice() {
    auto places = store();
    unwrapped(places.prepare(std::nullopt));
    auto enrolment = unwrapped(totp::parse_enrolment(
        "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
        "otpauth://hotp/token?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR&digits=8&counter=3\n"));
    const auto set = unwrapped(totp::new_recovery_codes(1));
    enrolment.recovery = set.hashes;
    recovery = set.codes.front().text();
    const auto held = unwrapped(places.hold({"alice", machine::owner()}, totp::HoldFor::change));
    unwrapped(held->enrol(enrolment, totp::new_login_state(enrolment)));
    alices_enrolment = enrolment;
    state_at_begin = content_of(records("state") / "alice");
}

/// Whether libFuzzer is looking how long this case has taken, which is meant in real time.
bool is_alarm() {
    sigset_t handled;
    sigemptyset(&handled);
    sigprocmask(SIG_BLOCK, nullptr, &handled);
    return sigismember(&handled, SIGALRM) == 1;
}

void remove_all_but_alice() {
    for (const auto* kind : {"enrolled", "state", "pending"}) {
        for (const auto& entry : fs::directory_iterator(records(kind))) {
            if (entry.path().filename() != "alice") fs::remove(entry.path());
        }
    }
}

}  // namespace

// ---- what the module finds in place of libc's, and of the program that it would run

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
    if (!is_entered || clock != CLOCK_REALTIME || is_alarm())
        return static_cast<int>(syscall(SYS_clock_gettime, clock, now));
    *now = {.tv_sec = circumstances.now, .tv_nsec = 0};
    return 0;
}

int getentropy(void* bytes, std::size_t size) {
    std::generate_n(static_cast<std::uint8_t*>(bytes), size, [] { return circumstances.random += 41; });
    return 0;
}

uid_t geteuid() noexcept {
    const auto real = static_cast<uid_t>(syscall(SYS_geteuid));
    return is_entered && !circumstances.is_root ? real + 1 : real;
}

uid_t getuid() noexcept { return machine::owner() + (circumstances.is_another_user ? 1 : 0); }

/// No settings file is there, whatever lies on the machine that runs this.
int lstat(const char* path, struct stat* status) noexcept {
    const std::string_view name(path);
    const bool is_settings =
        name.starts_with(PAM_TOTP_SETTINGS_DIRECTORY) || name.starts_with(PAM_TOTP_VENDOR_DIRECTORY);
    if (!is_entered || !is_settings) return fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
    errno = ENOENT;
    return -1;
}

/// The journal, which is what sends anything here, doesn't listen; but each line it is sent is a field's, and
/// nobody outside adds one.
ssize_t sendto(int, const void* data, std::size_t size, int, const sockaddr*, socklen_t) {
    std::string_view entry(static_cast<const char*>(data), size);
    promise(entry.ends_with('\n'));
    int fields = 0;
    for (; !entry.empty(); ++fields) {
        const auto line = entry.substr(0, entry.find('\n'));
        const auto name = line.substr(0, line.find('='));
        promise(name.size() < line.size() && !name.empty() &&
                name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == name.npos);
        promise(line.find_first_of(std::string_view("\0\r", 2)) == line.npos);
        entry.remove_prefix(line.size() + 1);
    }
    promise(fields >= 8 && fields <= 12);  // four of every message, and four to eight words
    errno = ENOENT;
    return -1;
}

int faccessat(int directory, const char* path, int mode, int flags) noexcept {
    if (!is_entered) return static_cast<int>(syscall(SYS_faccessat2, directory, path, mode, flags));
    const bool is_helper = std::string_view(path) == PAM_TOTP_CHECK_ANY;
    if (is_helper && !circumstances.helper_answers.empty()) return 0;
    errno = EACCES;
    return -1;
}
}

namespace totp {

Result<SecretBytes> answer_of(const Program&, std::string_view, std::size_t limit) {
    auto& answers = circumstances.helper_answers;
    if (answers.empty() || answers.front().size() > limit)
        return Failure{Trouble::system, "the helper is gone"};
    circumstances.said_by_helper.push_back(answers.front());
    answers.pop_front();
    return SecretBytes(circumstances.said_by_helper.back());
}

}  // namespace totp

namespace machine {

void enter() {
    static const bool is_enrolled = (enrol_alice(), true);
    promise(is_enrolled);
    circumstances = {};
    write_file(records("state") / "alice", state_at_begin);
    is_entered = true;
}

void leave() {
    if (circumstances.is_store_moved) move_store();
    remove_all_but_alice();
    is_entered = false;
}

totp::UnixTime now() { return circumstances.now; }

void pass_time(totp::UnixTime seconds) {
    const auto distance = std::clamp(seconds, -end_of_time, end_of_time);
    circumstances.now = std::clamp(circumstances.now + distance, totp::UnixTime{0}, end_of_time);
}

void leave_root() { circumstances.is_root = false; }
void add_helper_answer(std::string line) { circumstances.helper_answers.push_back(std::move(line)); }
bool is_root() { return circumstances.is_root; }
void be_another_user() { circumstances.is_another_user = true; }

bool has_helper_said(std::string_view beginning) {
    return std::ranges::any_of(circumstances.said_by_helper,
                               [&](const std::string& line) { return line.starts_with(beginning); });
}

void forget_helper() { circumstances.said_by_helper.clear(); }

void lose_state() { fs::remove(records("state") / "alice"); }

void move_store() {
    const fs::path here = fs::path(directory()) / "store";
    const fs::path away = fs::path(directory()) / "away";
    circumstances.is_store_moved ? fs::rename(away, here) : fs::rename(here, away);
    circumstances.is_store_moved = !circumstances.is_store_moved;
}

bool is_store_moved() { return circumstances.is_store_moved; }

const std::string& directory() { return temporary_directory().native(); }
uid_t owner() { return static_cast<uid_t>(syscall(SYS_geteuid)); }

std::optional<Records> records_of_alice() {
    const auto content = content_of(records("state") / "alice");
    totp::SlotPair slots{};
    if (content.size() != sizeof slots) return std::nullopt;
    std::copy_n(content.begin(), totp::slot_size, slots[0].begin());
    std::copy_n(content.begin() + totp::slot_size, totp::slot_size, slots[1].begin());
    const auto state = totp::newest(slots);
    const bool is_lost = !state || state->devices.empty();  // or made anew and never written since
    return is_lost ? std::nullopt : std::optional(Records{alices_enrolment, *state});
}

std::optional<Records> records_of(const std::string& user) {
    if (user == "alice") return records_of_alice();
    auto places = store();
    const auto held = places.hold({user, owner()}, totp::HoldFor::login);
    if (!held || !(*held)->enrolment()) return std::nullopt;
    return Records{*(*held)->enrolment(), (*held)->state()};
}

std::optional<totp::Device> alices(std::string_view device) {
    const auto* found = alices_enrolment.device_named(device);
    return found != nullptr ? std::optional(*found) : std::nullopt;
}

std::optional<totp::Device> pending_of(const std::string& user) {
    const auto pending = store().pending({user, owner()});
    return pending && *pending ? std::optional((*pending)->device) : std::nullopt;
}

const std::string& recovery_code() { return recovery; }

std::string code_of(const totp::Credential& credential, totp::Counter counter) {
    const auto code =
        totp::KeyedHash(credential.secret.octets(), credential.algorithm).code(counter, credential.digits);
    const auto digits = std::to_string(code);
    return std::string(static_cast<std::size_t>(credential.digits) - digits.size(), '0') + digits;
}

}  // namespace machine
