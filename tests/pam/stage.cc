#include "tests/pam/stage.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>

#include <dlfcn.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_modules.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "core/failure.h"
#include "core/otp.h"

namespace fs = std::filesystem;

namespace {

totp::UnixTime clock_now = 0;
std::mutex log_is_in_use;  // by threads of one process
std::vector<std::string> log_lines;
std::optional<std::vector<std::string>> audit_records;  // nothing: nobody wants to know
std::optional<std::vector<std::string>> journal;        // nothing: it doesn't listen
fs::path module = PAM_TOTP_MODULE;
fs::path stages;                 // the directory all of them lie in
fs::path totp_check;             // the one on the stage
fs::path totp_check_any;         // likewise
fs::path totp_check_postgresql;  // likewise
fs::path totp_draw;              // likewise

const char* priority_name(int priority) {
    switch (LOG_PRI(priority)) {
        case LOG_CRIT: return "crit";
        case LOG_ERR: return "err";
        case LOG_WARNING: return "warning";
        case LOG_NOTICE: return "notice";
        case LOG_INFO: return "info";
        case LOG_DEBUG: return "debug";
        default: return "other";
    }
}

/// A line is lost where there is no memory for it: libc's throws nothing either.
void log_formatted(int priority, const char* format, va_list arguments) {
    char text[4096];
    std::vsnprintf(text, sizeof text, format, arguments);
    std::string_view line(text);
    if (const auto end = line.find("): "); end != std::string_view::npos) line.remove_prefix(end + 3);
    const std::lock_guard lock(log_is_in_use);
    try {
        log_lines.push_back(std::string(priority_name(priority)) + " " + std::string(line));
    } catch (const std::bad_alloc&) {
    }
}

const char* on_stage(const char* path) {
    if (std::string_view(path) == PAM_TOTP_CHECK) return totp_check.c_str();
    if (std::string_view(path) == PAM_TOTP_CHECK_ANY) return totp_check_any.c_str();
    if (std::string_view(path) == PAM_TOTP_CHECK_POSTGRESQL) return totp_check_postgresql.c_str();
    if (std::string_view(path) == PAM_TOTP_DRAW) return totp_draw.c_str();
    return path;
}

template <class T>
T unwrapped(totp::Result<T> result) {
    if (!result) throw std::runtime_error(result.failure().message.english());
    return *std::move(result);
}

}  // namespace

// ---- what the module and libpam find in place of libc's

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
    if (clock != CLOCK_REALTIME || clock_now == 0)
        return static_cast<int>(syscall(SYS_clock_gettime, clock, now));
    *now = {.tv_sec = clock_now, .tv_nsec = 0};
    return 0;
}

void syslog(int priority, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_formatted(priority, format, arguments);
    va_end(arguments);
}

void vsyslog(int priority, const char* format, va_list arguments) {
    log_formatted(priority, format, arguments);
}

void __syslog_chk(int priority, int, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_formatted(priority, format, arguments);
    va_end(arguments);
}

void __vsyslog_chk(int priority, int, const char* format, va_list arguments) {
    log_formatted(priority, format, arguments);
}

/// The journal of this stage, never the machine's.
ssize_t sendto(int socket, const void* data, size_t size, int flags, const sockaddr* to, socklen_t to_size) {
    constexpr std::string_view path = "/run/systemd/journal/socket";
    if (to == nullptr || to->sa_family != AF_UNIX ||
        reinterpret_cast<const sockaddr_un*>(to)->sun_path != path)
        return syscall(SYS_sendto, socket, data, size, flags, to, to_size);
    const std::lock_guard lock(log_is_in_use);
    if (!journal) {
        errno = ENOENT;
        return -1;
    }
    journal->emplace_back(static_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
}

/// Likewise for Linux' audit.
int pam_modutil_audit_write(pam_handle_t* pamh, int type, const char* message, int result) {
    const void* user = nullptr;
    pam_get_item(pamh, PAM_USER, &user);
    const std::lock_guard lock(log_is_in_use);
    if (!audit_records) return PAM_SUCCESS;
    audit_records->push_back(std::to_string(type) + " PAM:" + message + " " + static_cast<const char*>(user) +
                             " " + std::to_string(result));
    return PAM_SUCCESS;
}

/// Catalogues are those of this tree.
char* bindtextdomain(const char* domain, const char* directory) noexcept {
    const bool is_ours = std::string_view(domain) == "pam-totp";
    static const auto libcs = reinterpret_cast<decltype(&bindtextdomain)>(dlsym(RTLD_NEXT, "bindtextdomain"));
    return libcs(domain, is_ours ? PAM_TOTP_CATALOGUES : directory);
}

/// Whoever runs the tests: attempts without a remote host come from the place local:1000.
uid_t getuid() noexcept { return 1000; }

/// NSS as some have it: it ignores case, and spells the names its own way. alice is the one who can have
/// records here, bob the one who runs the tests, rob another name of the same uid, carol somebody else.
int getpwnam_r(const char* name, passwd* entry, char*, std::size_t, passwd** found) {
    static char empty[] = "";
    static char names[][6] = {"alice", "bob", "rob", "carol"};
    const uid_t uids[] = {geteuid(), getuid(), getuid(), getuid() + 1};
    *found = nullptr;
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (strcasecmp(name, names[i]) != 0) continue;
        *entry = {.pw_name = names[i],
                  .pw_passwd = empty,
                  .pw_uid = uids[i],
                  .pw_gid = getegid(),
                  .pw_gecos = empty,
                  .pw_dir = empty,
                  .pw_shell = empty};
        *found = entry;
    }
    return 0;
}

int getpwuid_r(uid_t uid, passwd* entry, char* buffer, std::size_t size, passwd** found) {
    *found = nullptr;
    return uid == getuid() ? getpwnam_r("bob", entry, buffer, size, found) : 0;
}

/// The helpers are whatever lies on the stage under their names; those that may be installed are never run.
int faccessat(int directory, const char* path, int mode, int flags) noexcept {
    static const auto access = reinterpret_cast<decltype(&faccessat)>(dlsym(RTLD_NEXT, "faccessat"));
    return access(directory, on_stage(path), mode, flags);
}

int posix_spawn(pid_t* child, const char* path, const posix_spawn_file_actions_t* files,
                const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    static const auto spawn = reinterpret_cast<decltype(&posix_spawn)>(dlsym(RTLD_NEXT, "posix_spawn"));
    return spawn(child, on_stage(path), files, attributes, arguments, environment);
}
}

namespace stage {

void set_clock(totp::UnixTime now) { clock_now = now; }
void pass_time(totp::UnixTime seconds) { clock_now += seconds; }

std::vector<std::string> take_log() {
    const std::lock_guard lock(log_is_in_use);
    return std::exchange(log_lines, {});
}

std::vector<std::string> take_audit() {
    const std::lock_guard lock(log_is_in_use);
    return std::exchange(audit_records, std::vector<std::string>{}).value_or(std::vector<std::string>{});
}

std::vector<std::string> take_journal() {
    const std::lock_guard lock(log_is_in_use);
    return std::exchange(journal, std::vector<std::string>{}).value_or(std::vector<std::string>{});
}

std::string right_code(totp::UnixTime now) {
    const totp::SecretBytes secret{std::string_view("12345678901234567890")};
    const auto code =
        totp::KeyedHash(secret.octets(), totp::Algorithm::sha1).code(totp::time_step(now, 30), 6);
    const auto digits = std::to_string(code);
    return std::string(6 - digits.size(), '0') + digits;
}

std::string wrong_code(totp::UnixTime now) {
    auto code = right_code(now);
    code[0] = code[0] == '9' ? '0' : static_cast<char>(code[0] + 1);
    return code;
}

void begin_as_ordinary_user() {
    constexpr uid_t nobody = 65534;
    char name[] = "/tmp/pam-totp-stages.XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary directory");
    stages = name;
    std::atexit([] { fs::remove_all(stages); });  // also what a failed case left, whose destructors never ran
    if (geteuid() != 0) return;
    fs::copy_file(module, stages / module.filename());  // the build may lie where only root can read
    module = stages / module.filename();
    if (chown(name, nobody, nobody) != 0 || setgroups(0, nullptr) != 0 ||
        setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0) {
        throw std::runtime_error("can't leave root");
    }
}

totp::Account alice() { return {"alice", geteuid()}; }

Stage::Stage(const std::string& options, const std::vector<std::string>& before,
             const std::vector<std::string>& after) {
    auto name = (stages / "XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
    fs::create_directory(directory_ / "pam.d");
    std::ofstream(directory_ / "pam_totp.conf");
    unwrapped(store().prepare(std::nullopt));

    totp_check = helper("totp_check");
    totp_check_any = helper("totp_check_any");
    totp_check_postgresql = helper("totp_check_postgresql");
    totp_draw = helper("totp_draw");
    const auto ours =
        module.string() + " store=" + name + "/store key=" + name + "/key config=" + name + "/pam_totp.conf";
    std::ofstream(directory_ / "pam.d" / "other");  // libpam complains where there is none
    std::ofstream stack(directory_ / "pam.d" / service);
    for (auto line : before) {
        constexpr std::string_view name_of_ours = "@PAM_TOTP@";
        if (const auto at = line.find(name_of_ours); at != std::string::npos)
            line.replace(at, name_of_ours.size(), ours);
        stack << line << "\n";
    }
    for (const char* phase : {"auth", "account", "session", "password"}) {
        stack << phase << " required " << ours << " " << options << "\n";
    }
    for (const auto& line : after) stack << line << "\n";
}

Stage::~Stage() {
    std::error_code error;
    fs::permissions(directory_ / "store", fs::perms::owner_all, error);  // which a dialogue may have closed
    fs::remove_all(directory_, error);
}

totp::FileStore Stage::store() const {
    return totp::FileStore({directory_ / "store", directory_ / "store/state", directory_ / "key", geteuid()});
}

void Stage::enrol(const std::string& text) const {
    const auto enrolment = unwrapped(totp::parse_enrolment(text));
    auto places = store();
    const auto held = unwrapped(places.hold(alice(), totp::HoldFor::change));
    unwrapped(held->enrol(enrolment, totp::new_login_state(enrolment)));
}

void Stage::write_state(const totp::LoginState& state) const {
    std::fstream file(state_file(), std::ios::in | std::ios::out | std::ios::binary);
    for (auto sequence : {state.sequence - 1, state.sequence}) {
        auto copy = state;
        copy.sequence = sequence;
        const auto slot = totp::format_slot(copy);
        file.seekp(static_cast<std::streamoff>(totp::slot_for(sequence) * totp::slot_size));
        file.write(slot.data(), slot.size());
    }
}

std::string Stage::state_text() const {
    std::ifstream file(state_file(), std::ios::binary);
    totp::SlotPair slots{};
    for (auto& slot : slots) file.read(slot.data(), static_cast<std::streamsize>(slot.size()));
    const auto state = file ? totp::newest(slots) : std::nullopt;
    if (!state) return "";
    const auto slot = totp::format_slot(*state);
    const std::string_view text(slot.data(), slot.size());
    const auto start = text.find("seq=");
    return std::string(text.substr(start, text.find("  ", start) - start));
}

}  // namespace stage
