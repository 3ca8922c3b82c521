#include "enroll/command.h"

#include <stdexcept>
#include <vector>

#include "core/shell_words.h"
#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {

int AccountCommand::run(const SharedOptions& shared) {
    if (const auto failure = refuse_options()) return complain(*failure);
    const auto elsewhere = find_account_elsewhere(shared);
    if (!elsewhere) return complain(elsewhere.failure());
    if (*elsewhere) return run_elsewhere(**elsewhere);
    const auto session = open_session(shared, remains());
    return session ? act(*session) : complain(session.failure());
}

int AccountCommand::run_elsewhere(const AccountElsewhere& account) {
    if (const auto why = why_not_elsewhere(account.account()); !why.empty()) return refuse_elsewhere(why);
    if (is_root()) return act_elsewhere(account);
    const auto is_enrolled = account.is_enrolled();
    if (!is_enrolled) return complain(is_enrolled.failure());
    if (!*is_enrolled) return act_unenrolled(account);
    const auto proved = account.authenticate_owner();
    return proved ? act_elsewhere(account) : complain(proved.failure());
}

int AccountCommand::act_elsewhere(const AccountElsewhere& /*account*/) {
    throw std::logic_error("a command that does nothing in a database must say why not");
}

int AccountCommand::act_unenrolled(const AccountElsewhere& account) {
    return complain_unenrolled(account.account());
}

int refuse_elsewhere(const Sentence& why_and_what) {
    const auto with_way_round = tr("%1 (with --local it is for this machine's accounts)", {why_and_what});
    return complain(Failure{Trouble::settings, is_root() ? with_way_round : why_and_what});
}

int complain_unenrolled(const Account& account) {
    complain(tr("%1 is not enrolled", {account.name}));
    return exit_refused;
}

Sentence no_such_device(const Account& account, const std::string& name) {
    const std::vector<std::string> for_whom =
        is_root() ? std::vector<std::string>{"--user", account.name} : std::vector<std::string>();
    return tr("%1 has no device %2: see %3",
              {account.name, name, command_line("totp-enroll status", for_whom)});
}

}  // namespace totp
