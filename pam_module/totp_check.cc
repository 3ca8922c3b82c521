// The helper for applications that aren't root: whether a response is right for whoever runs it, and for
// nobody else. Setgid; trusts nothing from its caller but the question on stdin (check_protocol).
#include <unistd.h>

#include "core/file_store.h"
#include "core/lent_store.h"
#include "core/privilege.h"
#include "pam_module/checker.h"

namespace {

using namespace totp;

constexpr const char* program = "totp_check";

/// The caller, who must not claim anything.
std::optional<Subject> subject_of(const Question& question) {
    if (question.claim) return std::nullopt;
    return subject_of_caller(program);
}

Result<std::unique_ptr<Store>> open_store(const Settings& settings) {
    if (getuid() != 0 && !can_borrow_group()) return without_group(Trouble::store, PAM_TOTP_CHECK);
    return std::unique_ptr<Store>(
        std::make_unique<LentStore>(std::make_unique<FileStore>(places_in(settings, 0))));
}

}  // namespace

int main() {
    if (!distrust_caller()) return 1;
    return answer_question(
        {.program = program,
         .log_name = program,
         .subject_of = subject_of,
         .answer = [](const Settings& settings, const Subject& subject, const Question& question) {
             return answer_by_store(program, open_store(settings), settings, subject, question);
         }});
}
