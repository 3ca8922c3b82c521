#include "enroll/account_elsewhere.h"

#include <cerrno>

#include <unistd.h>

#include "core/child_process.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr const char* helper = PAM_TOTP_ADMINISTER_POSTGRESQL;

Result<SecretBytes> answer_to(const Order& order, const Settings& settings) {
    if (access(helper, X_OK) != 0) {
        return Failure{Trouble::store, tr("%1 can't be run%2: engine = postgresql needs the package "
                                          "libpam-totp-postgresql",
                                          {helper, because_of(errno)})};
    }
    Program program{.path = helper, .seconds_to_answer = settings.database.deadline + 1};
    if (!settings.file.empty()) program.arguments.push_back(settings.file);
    return answer_of(program, format_order(order).text(), longest_facts);
}

}  // namespace

Result<Values> AccountElsewhere::order(const std::string& word, Values values) const {
    values.insert(values.begin(), value_of(account_.name));
    const auto answer = answer_to({word, std::move(values)}, settings_);
    if (!answer) return answer.failure();
    auto facts = parse_facts(answer->text());
    if (facts) return *std::move(facts);
    return Failure{Trouble::store,
                   tr("%1 gives no answer that makes sense: is it of the same version?", {helper})};
}

Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options) {
    auto installation = find_installation(options);
    if (!installation) return installation.failure();
    auto& settings = installation->settings;
    if (settings.engine == Engine::files || options.is_local) return std::optional<AccountElsewhere>();
    if (!is_root()) {
        return Failure{Trouble::caller,
                       tr("the accounts are in a database, and an administrator's root looks after them")};
    }
    if (options.user.empty())
        return Failure{Trouble::input, tr("say for whom: --user NAME (yourself too: --user root)")};
    if (!record_name(options.user)) {
        return Failure{Trouble::input,
                       tr("%1 is too long a name for a record", {"--user " + printable(options.user)})};
    }
    return std::optional(AccountElsewhere(options.user, std::move(settings), options.json));
}

std::optional<SecretBytes> value_of(std::string_view text) { return SecretBytes(text); }

}  // namespace totp
