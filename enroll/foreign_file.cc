#include "enroll/foreign_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/decimal.h"
#include "core/descriptor.h"
#include "core/percent.h"

namespace totp {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto time_to_read = 10s;
constexpr std::size_t longest_refusal = 16;
constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/// Why a file isn't taken. The letters are how a process of its own says so.
enum class Refusal : char {
    identity = 'i',  ///< the user's can't be had
    link = 'l',
    unreadable = 'u',
    irregular = 'r',
    open_to_others = 'o',
    too_long = 'n',
    not_own = 'w',
};

struct Refused {
    Refusal why;
    int error = 0;  ///< an errno value
};

/// `user` is whose home it is in.
Failure failure_of(const Refused& refused, const std::string& path, std::size_t limit,
                   const std::string& user) {
    const auto file = printable_path(path);
    switch (refused.why) {
        case Refusal::identity: return input_failure("%1's identity can't be had: %2", user, refused.error);
        case Refusal::link: return input_failure(tr("%1 is a link, and links aren't followed", {file}));
        case Refusal::unreadable: return input_failure("%1 can't be read: %2", file, refused.error);
        case Refusal::irregular: return input_failure(tr("%1 isn't a regular file", {file}));
        case Refusal::open_to_others:
            return input_failure(
                tr("%1 is open to others than its owner, so its secret isn't one: chmod 600, or enrol anew",
                   {file}));
        case Refusal::too_long: return input_failure(tr("%1 has more than %2 bytes", {file, limit}));
        case Refusal::not_own: return input_failure(tr("%1 isn't %2's own", {file, user}));
    }
    return input_failure(tr("%1 couldn't be read within 10 seconds", {file}));
}

/// Nothing once it is in `found`.
std::optional<Refused> read_open_file(const Descriptor& file, std::size_t limit, ForeignFile& found) {
    if (!file) return Refused{errno == ELOOP ? Refusal::link : Refusal::unreadable, errno};
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return Refused{Refusal::unreadable, errno};
    if (!S_ISREG(status.st_mode)) return Refused{Refusal::irregular};
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return Refused{Refusal::open_to_others};
    found.owner = status.st_uid;
    if (read_whole(file, limit, found.text) != 0) return Refused{Refusal::unreadable, errno};
    if (found.text.size() > limit) return Refused{Refusal::too_long};
    return std::nullopt;
}

// ---- in the user's own process

/// For good: the effective, real and saved ids all are the user's.
bool become(const HomeOwner& owner) {
    const auto uid = owner.account.uid;
    return initgroups(owner.account.name.c_str(), owner.group) == 0 &&
           setresgid(owner.group, owner.group, owner.group) == 0 && setresuid(uid, uid, uid) == 0;
}

SecretBytes said(const Refused& refused) {
    return SecretBytes(std::string{'!', static_cast<char>(refused.why)} + std::to_string(refused.error));
}

/// What the process answers: '.' where there is nothing, '+' and the text, or '!', a letter and an errno
/// value.
SecretBytes answer(const HomeOwner& owner, const std::string& name, std::size_t limit) {
    const auto path = owner.home + "/" + name;
    if (!become(owner)) return said({Refusal::identity, errno});
    const Descriptor file(open(path.c_str(), flags));
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return SecretBytes(".");
    ForeignFile found;
    if (const auto refused = read_open_file(file, limit, found)) return said(*refused);
    if (found.owner != owner.account.uid) return said({Refusal::not_own});
    SecretBytes text("+");
    text.append(found.text.text());
    return text;
}

[[noreturn]] void answer_and_end(const HomeOwner& owner, const std::string& name, std::size_t limit,
                                 const Descriptor& pipe) {
    const auto text = answer(owner, name, limit);
    auto rest = text.text();
    while (!rest.empty()) {
        const auto written = write(pipe.number(), rest.data(), rest.size());
        if (written < 0) _exit(1);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    _exit(0);
}

// ---- beside it

/// Whether something can be read, or the end was reached.
bool is_readable_before(Clock::time_point deadline, const Descriptor& pipe) {
    pollfd event{.fd = pipe.number(), .events = POLLIN, .revents = 0};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const int ready = poll(&event, 1, static_cast<int>(std::max(0ms, left).count()));
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

/// All that comes to the end; nothing where that doesn't come in time, or more than `limit` bytes before it.
std::optional<SecretBytes> read_in_time(const Descriptor& pipe, std::size_t limit) {
    const auto deadline = Clock::now() + time_to_read;
    SecretBytes text(limit + 1);
    for (std::size_t size = 0; size <= limit && is_readable_before(deadline, pipe);) {
        const auto count = read(pipe.number(), text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        size += static_cast<std::size_t>(count);
        if (count > 0) continue;
        text.resize(size);
        return text;
    }
    return std::nullopt;
}

Result<std::optional<ForeignFile>> found_in(const SecretBytes& answer, const HomeOwner& owner,
                                            const std::string& name, std::size_t limit) {
    const auto text = answer.text();
    if (text == ".") return std::optional<ForeignFile>();
    if (text.starts_with('+')) {
        return std::optional(ForeignFile{.text = SecretBytes(text.substr(1)), .owner = owner.account.uid});
    }
    const bool is_refusal = text.starts_with('!') && text.size() > 2;
    const auto why = is_refusal ? static_cast<Refusal>(text[1]) : Refusal{};
    const auto error = is_refusal ? parse_decimal<int>(text.substr(2)).value_or(0) : 0;
    return failure_of({why, error}, owner.home + "/" + name, limit, owner.account.name);
}

}  // namespace

Result<ForeignFile> read_foreign_file(const std::string& path, std::size_t limit) {
    ForeignFile found;
    const auto refused = read_open_file(Descriptor(open(path.c_str(), flags)), limit, found);
    if (refused) return failure_of(*refused, path, limit, "");
    return found;
}

Result<std::optional<ForeignFile>> read_in_home(const HomeOwner& owner, const std::string& name,
                                                std::size_t limit) {
    if (!owner.home.starts_with('/')) return std::optional<ForeignFile>();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return Failure{Trouble::system, tr("no pipe can be had: %1", {Sentence::of_error(errno)})};
    const Descriptor out(ends[0]);
    Descriptor in(ends[1]);
    const pid_t child = fork();
    if (child < 0)
        return Failure{Trouble::system, tr("no process can be had: %1", {Sentence::of_error(errno)})};
    if (child == 0) answer_and_end(owner, name, limit, in);
    in = Descriptor();
    const auto text = read_in_time(out, std::max(limit, longest_refusal) + 1);
    if (!text) kill(child, SIGKILL);  // whoever it runs as can stop it
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const bool is_whole = text && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return found_in(is_whole ? *text : SecretBytes(), owner, name, limit);
}

}  // namespace totp
