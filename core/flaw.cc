#include "core/flaw.h"

#include <sys/stat.h>

#include "core/percent.h"
#include "core/shell_words.h"

namespace totp {
namespace {

constexpr uid_t root = 0;

bool belongs_to(const FileLook& look, uid_t owner) { return look.owner == root || look.owner == owner; }

}  // namespace

Sentence sentence_about(const Sentence& path, const Flaw& flaw) {
    return flaw.command.empty() ? tr("%1 %2: remove it", {path, flaw.what})
                                : tr("%1 %2: run %3 on it", {path, flaw.what, flaw.command});
}

std::optional<Flaw> flaw_of_record(const FileLook& look, const Account& account) {
    if (!S_ISREG(look.mode)) return Flaw{tr("isn't a regular file"), ""};
    if (look.links != 1) return Flaw{tr("has another name as well"), ""};
    if (!belongs_to(look, account.uid)) {
        const auto word = shell_word(account.name);
        return Flaw{tr("doesn't belong to %1 (if %1 was deleted and made again, it is an earlier %1's: then "
                       "run totp-enroll remove --user %2)",
                       {printable(account.name), word}),
                    "chown " + word};
    }
    if ((look.mode & (S_IRWXG | S_IRWXO)) != 0) return Flaw{tr("is open to others"), "chmod go="};
    return std::nullopt;
}

std::optional<Flaw> flaw_of_directory(const FileLook& look, uid_t owner) {
    if (!belongs_to(look, owner)) return Flaw{tr("doesn't belong to %1", {"root"}), "chown root"};
    if ((look.mode & S_IRWXO) != 0) {
        // o= would take the sticky bit away too.
        return Flaw{tr("is open to others, who could bring old records back"), "chmod o-rwx"};
    }
    if ((look.mode & S_IWGRP) != 0 && (look.mode & S_ISVTX) == 0)
        return Flaw{tr("lets its group take others' records away"), "chmod +t"};
    return std::nullopt;
}

std::optional<Flaw> flaw_of_key(const FileLook& look, uid_t owner) {
    if (!S_ISREG(look.mode)) return Flaw{tr("isn't a regular file"), ""};
    if (!belongs_to(look, owner)) return Flaw{tr("doesn't belong to %1", {"root"}), "chown root"};
    if ((look.mode & (S_IWGRP | S_IRWXO)) != 0) return Flaw{tr("is open to others"), "chmod g-w,o="};
    return std::nullopt;
}

}  // namespace totp
