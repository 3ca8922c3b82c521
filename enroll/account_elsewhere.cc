#include "enroll/account_elsewhere.h"

#include "core/percent.h"

namespace totp {

Result<Values> AccountElsewhere::order(const std::string& word, Values values) const {
    values.insert(values.begin(), value_of(account_.name));
    return database_.order(word, std::move(values));
}

Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options) {
    auto database = find_database(options);
    if (!database) return database.failure();
    if (!*database) return std::optional<AccountElsewhere>();
    if (options.user.empty())
        return Failure{Trouble::input, tr("say for whom: --user NAME (yourself too: --user root)")};
    if (!record_name(options.user)) {
        return Failure{Trouble::input,
                       tr("%1 is too long a name for a record", {"--user " + printable(options.user)})};
    }
    return std::optional(AccountElsewhere(options.user, **std::move(database), options.json));
}

}  // namespace totp
