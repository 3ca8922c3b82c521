#include "enroll/session.h"

#include <algorithm>
#include <ctime>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "core/lent_store.h"
#include "core/percent.h"
#include "core/privilege.h"
#include "enroll/reauthenticate.h"

namespace totp {
namespace {

constexpr const char* group_name = "_totp";
constexpr uid_t root = 0;
constexpr uid_t uid_of_nobody = static_cast<uid_t>(-1);  // which no account can have

std::optional<Failure> refuse_places(const SharedOptions& options) {
    for (const auto& [name, path] : {std::pair("--config", options.config),
                                     std::pair("--store", options.store), std::pair("--key", options.key)}) {
        if (path.empty()) continue;
        if (can_borrow_group()) return Failure{Trouble::caller, tr("%1 is for root alone", {name})};
        if (!path.starts_with('/')) return input_failure(tr("%1 must be a path from /", {name}));
    }
    return std::nullopt;
}

/// Where a database has the accounts, those of this machine are for emergencies.
std::optional<Failure> refuse_engine(const Settings& settings, const SharedOptions& options) {
    if (auto failure = refuse_needless_local(settings, options)) return failure;
    if (settings.engine != Engine::files && !options.is_local) {
        return Failure{
            Trouble::settings,
            tr("this can't be done in a database (engine = postgresql): with --local it is for this "
               "machine's accounts")};
    }
    return std::nullopt;
}

/// Whether an ordinary user plays with a store of their own, where nobody's privilege is needed.
bool is_own(const SharedOptions& options) { return !is_root() && !options.store.empty(); }

Result<Account> account_of(const passwd* entry, const std::string& what) {
    if (entry == nullptr)
        return input_failure(tr("%1 isn't an account of this machine: see getent passwd", {what}));
    if (!record_name(entry->pw_name)) return input_failure(tr("%1 is too long a name for a record", {what}));
    return Account{entry->pw_name, entry->pw_uid};
}

/// Of all by which the account can be passed, in order.
std::vector<std::string> ids_of(const std::optional<Enrolment>& enrolment) {
    std::vector<std::string> ids;
    if (!enrolment) return ids;
    for (const auto& device : enrolment->devices) ids.push_back(device.id);
    for (const auto& code : enrolment->recovery) ids.push_back(code.id());
    std::ranges::sort(ids);
    return ids;
}

Failure without_privilege() {
    return {
        Trouble::store,
        tr("this totp-enroll can't reach the store: it must be setgid _totp (chgrp _totp and chmod 2755 on "
           "it), and run where that has an effect (no no_new_privs, no nosuid mount)")};
}

}  // namespace

bool is_root() { return getuid() == root; }

std::optional<Failure> refuse_needless_local(const Settings& settings, const SharedOptions& options) {
    if (options.is_local && !is_root())
        return Failure{Trouble::caller, tr("%1 is for root alone", {"--local"})};
    if (options.is_local && settings.engine == Engine::files)
        return input_failure(tr("--local is for engine = postgresql: here all accounts are this machine's"));
    return std::nullopt;
}

std::optional<Failure> refuse_user(const SharedOptions& options, const std::string& command) {
    if (options.user.empty()) return std::nullopt;
    return input_failure(
        tr("--user isn't for %1, which is about the whole machine: leave it out", {command}));
}

Result<Account> find_account(const std::string& user) {
    if (!is_root()) {
        auto own = account_of(getpwuid(getuid()), "uid " + std::to_string(getuid()));
        if (!own || user.empty() || user == own->name) return own;
        return Failure{Trouble::caller, tr("--user %1 is for root: you may act on %2 alone",
                                           {printable(user), printable(own->name)})};
    }
    if (user.empty()) return input_failure(tr("say for whom: --user NAME (yourself too: --user root)"));
    return account_of(getpwnam(user.c_str()), "--user " + printable(user));
}

Result<Installation> find_installation(const SharedOptions& options) {
    if (auto failure = refuse_places(options)) return *failure;
    const uid_t owner = is_own(options) ? getuid() : root;
    auto settings = options.config.empty()
                        ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, root})
                        : read_settings_file(options.config, owner);
    if (!settings) return settings.failure();
    if (!options.store.empty()) settings->store = options.store;
    if (!options.key.empty()) settings->key = options.key;
    auto places = places_in(*settings, owner);
    return Installation{*std::move(settings), std::move(places)};
}

Result<Installation> find_accounts(const SharedOptions& options) {
    auto installation = find_installation(options);
    if (!installation) return installation;
    if (auto failure = refuse_engine(installation->settings, options)) return *failure;
    return installation;
}

Result<Done> prepare_store(const Installation& installation) {
    if (can_borrow_group()) return Done{};  // it is root's to make
    const group* entry = is_root() ? getgrnam(group_name) : nullptr;
    return FileStore(installation.places)
        .prepare(entry != nullptr ? std::optional(entry->gr_gid) : std::nullopt);
}

Result<std::unique_ptr<HeldAccount>> Session::hold(HoldFor purpose) const {
    auto held = hold_by_settings(*store_, account_, purpose, settings().missing_state, std::time(nullptr));
    if (!held || !proved_by_) return held;
    const auto enrolled = ids_of((*held)->enrolment());
    const auto name = printable(account_.name);
    if (proved_by_->empty() && !enrolled.empty()) {
        return Failure{Trouble::caller,
                       tr("meanwhile %1 was enrolled: nothing was changed here; begin again", {name})};
    }
    if (!std::ranges::includes(enrolled, *proved_by_)) {
        return Failure{Trouble::caller,
                       tr("meanwhile a device or recovery codes of %1 were taken away: nothing "
                          "was changed here; begin again",
                          {name})};
    }
    return held;
}

/// What is enrolled is looked at before: what is taken away while PAM's modules run may be what let them by.
Result<Done> Session::authenticate_owner() {
    {
        const auto held = hold(HoldFor::login);
        if (!held) return held.failure();
        proved_by_ = ids_of((*held)->enrolment());
    }
    return reauthenticate(account_, !proved_by_->empty());
}

Result<Session> open_session(const SharedOptions& options, Remains remains) {
    auto account = find_account(options.user);
    const bool may_be_gone = remains == Remains::allowed && is_root() && record_name(options.user);
    if (!account && !may_be_gone) return account.failure();
    auto installation = find_accounts(options);
    if (!installation) return installation.failure();
    std::unique_ptr<Store> store = std::make_unique<FileStore>(installation->places);
    if (can_borrow_group()) store = std::make_unique<LentStore>(std::move(store));
    if (!account) {
        const Account gone{options.user, uid_of_nobody};
        const auto has_left_records = store->is_enrolled(gone);
        if (!has_left_records || !*has_left_records) return account.failure();
        account = gone;
    }
    Session session(*std::move(account), *std::move(installation), std::move(store), options);
    if (is_root() || is_own(options)) return session;
    if (!can_borrow_group()) return without_privilege();
    if (auto proved = session.authenticate_owner(); !proved) return proved.failure();
    return session;
}

}  // namespace totp
