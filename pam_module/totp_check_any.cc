// The helper for service accounts that verify others: whether a response is right for whom they claim it is
// from. Setuid root, and for members of one group alone; trusts nothing from its caller but the question on
// stdin (check_protocol), and of the claim in it no more than that the caller makes it: the log says who that
// is.
#include <algorithm>

#include <grp.h>
#include <syslog.h>
#include <unistd.h>

#include "core/file_store.h"
#include "core/privilege.h"
#include "pam_module/checker.h"

namespace {

using namespace totp;

constexpr const char* program = "totp_check_any";
constexpr const char* group_name = "_totp_verifier";
constexpr unsigned seconds_to_end =
    15;  // who waits has given up after five, and can't end a process of root's

std::optional<Subject> subject_of(const Question& question, const Caller& caller) {
    if (!question.claim) return std::nullopt;
    return subject_of_claim(*question.claim, caller.uid);
}

/// Whether it is by the mode of the file that the caller may run it: others must not, whatever the mode.
bool is_verifier(const Caller& caller) {
    const group* entry = getgrnam(group_name);
    return entry != nullptr && std::ranges::count(caller.groups, entry->gr_gid) != 0;
}

Result<std::unique_ptr<Store>> open_store(const Settings& settings, const Caller& caller) {
    const std::string path(PAM_TOTP_CHECK_ANY);
    if (geteuid() != 0) {
        return Failure{Trouble::store, path +
                                           " isn't setuid root, or runs where that has no effect "
                                           "(no_new_privs, a nosuid mount, a user name space): it must be "
                                           "root:_totp_verifier 4710"};
    }
    if (!is_verifier(caller)) {
        return Failure{Trouble::store, path + " was run by uid " + std::to_string(caller.uid) +
                                           ", who isn't in the group _totp_verifier: it must be "
                                           "root:_totp_verifier 4710"};
    }
    return std::unique_ptr<Store>(std::make_unique<FileStore>(places_in(settings, 0)));
}

}  // namespace

int main() {
    const auto caller = find_caller();
    if (!(geteuid() == 0 ? distrust_caller_as_root() : distrust_caller())) {
        syslog(LOG_AUTHPRIV | LOG_ERR, "pam_totp(%s): can't run like this: it must be root:%s 4710", program,
               group_name);
        return 1;
    }
    alarm(seconds_to_end);
    return answer_question(
        {.program = program,
         .log_name = std::string(program) + ":" + std::to_string(caller.uid),
         .subject_of = [&](const Question& question) { return subject_of(question, caller); },
         .answer =
             [&](const Settings& settings, const Subject& subject, const Question& question) {
                 return answer_by_store(program, open_store(settings, caller), settings, subject, question);
             }});
}
