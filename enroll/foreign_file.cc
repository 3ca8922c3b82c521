#include "enroll/foreign_file.h"

#include <cerrno>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr unsigned seconds_to_read = 10;
constexpr std::size_t longest_sentence = 1024;
constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

Failure refused(const std::string& path, const std::string& what) {
    return {Trouble::input, printable(path) + " " + what};
}

std::optional<std::string> distrust(const struct stat& status) {
    if (!S_ISREG(status.st_mode)) return "isn't a regular file";
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "is open to others than its owner, so its secret isn't one: chmod 600, or enrol anew";
    return std::nullopt;
}

Result<ForeignFile> read_open_file(const Descriptor& file, const std::string& path, std::size_t limit) {
    if (!file) {
        if (errno == ELOOP) return refused(path, "is a link, and links aren't followed");
        return refused(path, "can't be read" + because_of(errno));
    }
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return refused(path, "can't be read" + because_of(errno));
    if (const auto distrusted = distrust(status)) return refused(path, *distrusted);
    ForeignFile found{.text = {}, .owner = status.st_uid};
    if (read_whole(file, limit, found.text) != 0) return refused(path, "can't be read" + because_of(errno));
    if (found.text.size() > limit) return refused(path, "has more than " + std::to_string(limit) + " bytes");
    return found;
}

// ---- in the user's own process

/// For good: the effective, real and saved ids all are the user's.
bool become(const HomeOwner& owner) {
    const auto uid = owner.account.uid;
    return initgroups(owner.account.name.c_str(), owner.group) == 0 &&
           setresgid(owner.group, owner.group, owner.group) == 0 && setresuid(uid, uid, uid) == 0;
}

/// What the process answers: '.' where there is nothing, '+' and the text, or '!' and a sentence.
SecretBytes answer(const HomeOwner& owner, const std::string& name, std::size_t limit) {
    const auto path = owner.home + "/" + name;
    if (!become(owner))
        return SecretBytes("!" + owner.account.name + "'s identity can't be had" + because_of(errno));
    const Descriptor file(open(path.c_str(), flags));
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return SecretBytes(".");
    const auto found = read_open_file(file, path, limit);
    if (!found) return SecretBytes("!" + found.failure().message.english());
    if (found->owner != owner.account.uid)
        return SecretBytes("!" + printable(path) + " isn't " + owner.account.name + "'s own");
    SecretBytes text("+");
    text.append(found->text.text());
    return text;
}

[[noreturn]] void answer_and_end(const HomeOwner& owner, const std::string& name, std::size_t limit,
                                 const Descriptor& pipe) {
    alarm(seconds_to_read);
    const auto text = answer(owner, name, limit);
    auto rest = text.text();
    while (!rest.empty()) {
        const auto written = write(pipe.number(), rest.data(), rest.size());
        if (written < 0) _exit(1);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    _exit(0);
}

Result<std::optional<ForeignFile>> found_in(const SecretBytes& answer, const HomeOwner& owner,
                                            const std::string& name) {
    const auto text = answer.text();
    if (text == ".") return std::optional<ForeignFile>();
    if (text.starts_with('+')) {
        return std::optional(ForeignFile{.text = SecretBytes(text.substr(1)), .owner = owner.account.uid});
    }
    if (text.starts_with('!')) return Failure{Trouble::input, std::string(text.substr(1))};
    return refused(owner.home + "/" + name, "couldn't be read within 10 seconds");
}

}  // namespace

Result<ForeignFile> read_foreign_file(const std::string& path, std::size_t limit) {
    return read_open_file(Descriptor(open(path.c_str(), flags)), path, limit);
}

Result<std::optional<ForeignFile>> read_in_home(const HomeOwner& owner, const std::string& name,
                                                std::size_t limit) {
    if (!owner.home.starts_with('/')) return std::optional<ForeignFile>();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return Failure{Trouble::system, "no pipe can be had" + because_of(errno)};
    const Descriptor out(ends[0]);
    Descriptor in(ends[1]);
    const pid_t child = fork();
    if (child < 0) return Failure{Trouble::system, "no process can be had" + because_of(errno)};
    if (child == 0) answer_and_end(owner, name, limit, in);
    in = Descriptor();
    SecretBytes text;
    const int outcome = read_whole(out, std::max(limit, longest_sentence) + 1, text);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const bool is_whole = outcome == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return found_in(is_whole ? text : SecretBytes(), owner, name);
}

}  // namespace totp
