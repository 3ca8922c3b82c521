// Who totp-enroll acts on, and with which store: what every command needs before it starts.
#pragma once

#include <optional>
#include <string>

#include "core/file_store.h"
#include "core/policy.h"

namespace totp {

/// The options that all commands share, as they were given.
struct SharedOptions {
    std::string user;
    std::string config;
    std::string store;
    std::string key;
    bool json = false;
};

/// The answer to "whom, where, under which settings". Made by open_session().
struct Session {
    Account account;
    Settings settings;
    FileStore store;
    bool json = false;
};

/// The session, or nothing after the complaint was printed; `exit_code` then says which.
std::optional<Session> open_session(const SharedOptions& options, int& exit_code);

/// Makes what is missing of the store, for the group _totp if this machine has it.
Result<Done> prepare_store(Session& session);

}  // namespace totp
