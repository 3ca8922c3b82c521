#include "enroll/account_elsewhere.h"

#include "core/decimal.h"
#include "core/percent.h"
#include "core/throttle.h"
#include "core/verdict.h"
#include "enroll/reauthenticate.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// Whom an administrator means.
Result<Account> account_named(const std::string& user) {
    if (user.empty()) return input_failure(tr("say for whom: --user NAME (yourself too: --user root)"));
    if (!record_name(user))
        return input_failure(tr("%1 is too long a name for a record", {"--user " + printable(user)}));
    return Account{user};
}

/// After a verdict, and the seconds that are to be waited, if any.
Failure refusal_of(std::string_view verdict, const std::optional<SecretBytes>& wait, const Account& account) {
    if (verdict != word_for(Verdict::throttled)) {
        return {Trouble::caller,
                tr("not recognised as %1: that code isn't right", {printable(account.name)})};
    }
    return {Trouble::caller, told_to_wait(wait ? parse_decimal<UnixTime>(wait->text()) : std::nullopt)};
}

}  // namespace

Result<Values> AccountElsewhere::order(const std::string& word, Values values) const {
    if (is_root()) values.insert(values.begin(), value_of(account_.name));
    return database_.order(word, std::move(values));
}

Result<bool> AccountElsewhere::is_enrolled() const {
    const auto facts = database_.order("enquire", {});
    if (!facts) return facts.failure();
    if (says(*facts, "nobody")) {
        return Failure{
            Trouble::caller,
            tr("nobody changes what is enrolled from this host: do it on one that the database has in the "
               "group totp_person, or ask an administrator")};
    }
    if (says(*facts, "enrolled") || says(*facts, "unenrolled")) return says(*facts, "enrolled");
    return senseless(account_.name);
}

Result<Done> AccountElsewhere::authenticate_owner() const {
    const auto code =
        ask_line(settings().prompt_for_code(), settings().echo ? Typing::shown : Typing::hidden);
    if (!code) return nobody_answered();
    const auto facts = database_.order("prove", {code});
    if (!facts) return facts.failure();
    if (facts->size() != 2 || !facts->front()) return senseless(account_.name);
    const auto verdict = facts->front()->text();
    if (verdict == "accepted") return Done{};
    return refusal_of(verdict, facts->back(), account_);
}

Result<std::optional<AccountElsewhere>> find_account_elsewhere(const SharedOptions& options) {
    auto database = find_database(options);
    if (!database) return database.failure();
    if (!*database) return std::optional<AccountElsewhere>();
    auto account = is_root() ? account_named(options.user) : find_account(options.user);
    if (!account) return account.failure();
    return std::optional(AccountElsewhere(*std::move(account), **std::move(database), options.json));
}

}  // namespace totp
