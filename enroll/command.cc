#include "enroll/command.h"

#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {

int AccountCommand::run(const SharedOptions& shared) {
    if (const auto failure = refuse_options()) return complain(*failure);
    const auto elsewhere = find_account_elsewhere(shared);
    if (!elsewhere) return complain(elsewhere.failure());
    if (*elsewhere) return act_elsewhere(**elsewhere);
    const auto session = open_session(shared);
    return session ? act(*session) : complain(session.failure());
}

int refuse_elsewhere(const Sentence& why_and_what) {
    return complain(Failure{Trouble::settings,
                            tr("%1 (with --local it is for this machine's accounts)", {why_and_what})});
}

int complain_unenrolled(const Account& account) {
    complain(tr("%1 is not enrolled", {account.name}));
    return exit_refused;
}

}  // namespace totp
