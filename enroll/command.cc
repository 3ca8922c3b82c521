#include "enroll/command.h"

#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {

int AccountCommand::run(const SharedOptions& shared) {
    if (const auto failure = refuse_options()) return complain(*failure);
    const auto session = open_session(shared);
    return session ? act(*session) : complain(session.failure());
}

int complain_unenrolled(const Account& account) {
    complain(tr("%1 is not enrolled", {account.name}));
    return exit_refused;
}

}  // namespace totp
