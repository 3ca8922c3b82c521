// How the accounts of this machine stand with codes: NSS's list and the store's records put together. Judges
// nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/file_store.h"
#include "core/policy.h"

namespace totp {

/// A device whose codes are spent further than it has shown any: the clock was ahead when it was used.
struct SpentAhead {
    std::string device;
    UnixTime until = 0;  ///< its codes are refused until then
};

struct AccountFacts {
    std::string name;
    bool exists = true;       ///< NSS knows it
    bool can_log_in = false;  ///< has a shell to log in to, and a password
    bool has_record = false;
    bool is_enrolled = false;
    std::optional<Failure> failure;  ///< why a login can't use its records
    std::size_t recovery_codes_left = 0;
    std::optional<UnixTime> locked_known;  ///< until when; no_end: until it is unlocked
    std::optional<UnixTime> locked_elsewhere;
    UnixTime last_use = 0;  ///< of any device; 0: never
    std::vector<SpentAhead> spent_ahead;
};

/// NSS's list, read once. What it doesn't list (SSSD lists nobody unless told to) is asked for by name.
class KnownAccounts {
  public:
    /// To be read as root, who alone may know who has a password.
    static KnownAccounts read();

    std::optional<uid_t> uid_of(const std::string& name);

    struct Entry {
        uid_t uid = 0;
        bool has_login_shell = false;
        bool has_password = false;
    };
    const std::unordered_map<std::string, Entry>& listed() const { return entries_; }

  private:
    std::unordered_map<std::string, Entry> entries_;
    std::unordered_map<std::string, std::optional<uid_t>> asked_for_;
};

/// Of every account that NSS lists or the store has a record of.
Result<std::vector<AccountFacts>> look_at_accounts(const FileStorePlaces& places, const Settings& settings,
                                                   KnownAccounts& known, UnixTime now);

/// What the account's records say; `account` has its name.
void note_records(AccountFacts& account, const Enrolment& enrolment, const LoginState& state,
                  const Policy& policy, UnixTime now);

}  // namespace totp
