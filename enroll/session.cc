#include "enroll/session.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "enroll/exit_code.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr const char* group_name = "_totp";
constexpr const char* only_root = "only root can enrol accounts: run it with sudo";

Result<Settings> settings_for(const SharedOptions& options) {
    auto settings = options.config.empty()
                        ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0})
                        : read_settings_file(options.config, 0);
    if (!settings) return settings;
    if (!options.store.empty()) settings->store = options.store;
    if (!options.key.empty()) settings->key = options.key;
    return settings;
}

std::optional<Failure> refuse_relative_paths(const SharedOptions& options) {
    for (const auto& [name, path] : {std::pair("--config", options.config),
                                     std::pair("--store", options.store), std::pair("--key", options.key)}) {
        if (!path.empty() && !path.starts_with('/')) {
            return Failure{Trouble::input, std::string(name) + " must be a path from /"};
        }
    }
    return std::nullopt;
}

Result<Account> account_named(const std::string& user) {
    const auto refused = [&](const std::string& what) {
        return Failure{Trouble::input, "--user " + printable(user) + " " + what};
    };
    if (user.empty()) return Failure{Trouble::input, "say for whom: --user NAME (yourself too: --user root)"};
    const passwd* entry = getpwnam(user.c_str());
    if (entry == nullptr) return refused("isn't an account of this machine: see getent passwd");
    if (!record_name(entry->pw_name)) return refused("is too long a name for a record");
    return Account{entry->pw_name, entry->pw_uid};
}

}  // namespace

std::optional<Session> open_session(const SharedOptions& options, int& exit_code) {
    if (geteuid() != 0) {
        complain(only_root);
        exit_code = exit_not_permitted;
        return std::nullopt;
    }
    if (const auto failure = refuse_relative_paths(options)) {
        exit_code = complain(*failure);
        return std::nullopt;
    }
    auto account = account_named(options.user);
    if (!account) {
        exit_code = complain(account.failure());
        return std::nullopt;
    }
    auto settings = settings_for(options);
    if (!settings) {
        exit_code = complain(settings.failure());
        return std::nullopt;
    }
    FileStore store({settings->store, settings->state_directory(), settings->key, 0});
    return Session{*std::move(account), *std::move(settings), std::move(store), options.json};
}

Result<Done> prepare_store(Session& session) {
    const group* entry = getgrnam(group_name);
    return session.store.prepare(entry != nullptr ? std::optional(entry->gr_gid) : std::nullopt);
}

}  // namespace totp
