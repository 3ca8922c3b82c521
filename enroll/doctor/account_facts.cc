#include "enroll/doctor/account_facts.h"

#include <algorithm>
#include <mutex>
#include <set>

#include <pwd.h>
#include <shadow.h>

#include "core/survey.h"
#include "core/throttle.h"

namespace totp {
namespace {

/// A device that was used a step ahead of its code's time, or was resynchronised, is right again before long.
constexpr UnixTime seconds_to_be_patient = 300;

bool is_login_shell(const std::string& shell) {
    static constexpr std::string_view others[] = {"nologin", "false", "sync", "halt", "shutdown", "true"};
    const auto name = shell.substr(shell.rfind('/') + 1);
    return std::ranges::find(others, name) == std::end(others);  // an empty one is /bin/sh
}

/// Whether some password is right for it: "x" says that the hash is elsewhere, and other than shadow(5) knows
/// nobody.
bool is_usable(std::string_view hash) {
    return !hash.starts_with('!') && !hash.starts_with('*') && hash != "x";
}

std::set<std::string> names_with_password() {
    std::set<std::string> names;
    setspent();
    while (const auto* entry = getspent()) {
        if (is_usable(entry->sp_pwdp)) names.insert(entry->sp_namp);
    }
    endspent();
    return names;
}

/// The first moment at which the device shows a code that isn't spent.
UnixTime first_good(const Device& device, const DeviceState& state, const Policy& policy) {
    const auto steps_ahead = policy.window + std::clamp(state.drift, -policy.max_drift, policy.max_drift);
    return (static_cast<std::int64_t>(*state.next) - steps_ahead) * device.credential.period;
}

}  // namespace

KnownAccounts KnownAccounts::read() {
    KnownAccounts known;
    const auto with_password = names_with_password();
    setpwent();
    while (const auto* entry = getpwent()) {
        known.entries_.try_emplace(
            entry->pw_name, Entry{entry->pw_uid, is_login_shell(entry->pw_shell),
                                  with_password.contains(entry->pw_name) || is_usable(entry->pw_passwd)});
    }
    endpwent();
    return known;
}

std::optional<uid_t> KnownAccounts::uid_of(const std::string& name) {
    if (const auto entry = entries_.find(name); entry != entries_.end()) return entry->second.uid;
    const auto [asked_for, is_new] = asked_for_.try_emplace(name);
    if (!is_new) return asked_for->second;
    if (const auto* entry = getpwnam(name.c_str())) asked_for->second = entry->pw_uid;
    return asked_for->second;
}

void note_records(AccountFacts& account, const Enrolment& enrolment, const LoginState& state,
                  const Policy& policy, UnixTime now) {
    account.is_enrolled = true;
    account.recovery_codes_left = recovery_codes_left(enrolment, state, now);
    account.locked_known = closed_until(state.known, policy, now);
    account.locked_elsewhere = closed_until(state.elsewhere, policy, now);
    for (const auto& device : enrolment.devices) {
        const auto* known = state.device(device.id);
        if (known == nullptr) continue;
        account.last_use = std::max(account.last_use, known->last_used);
        if (device.credential.type != CredentialType::totp || !known->next) continue;
        const auto until = first_good(device, *known, policy);
        if (until > now + seconds_to_be_patient) account.spent_ahead.push_back({device.name, until});
    }
}

Result<std::vector<AccountFacts>> look_at_accounts(const FileStorePlaces& places, const Settings& settings,
                                                   KnownAccounts& known, UnixTime now) {
    std::vector<AccountFacts> accounts;
    std::set<std::string> seen;
    std::mutex mutex;
    const auto note = [&](const Account& account, const Result<AccountRecords>& records) {
        const std::scoped_lock lock(mutex);
        AccountFacts facts{
            .name = account.name, .exists = known.uid_of(account.name).has_value(), .has_record = true};
        if (const auto entry = known.listed().find(account.name); entry != known.listed().end())
            facts.can_log_in = entry->second.has_login_shell && entry->second.has_password;
        if (!records) {
            facts.failure = records.failure();
        } else if (records->enrolment) {
            note_records(facts, *records->enrolment, records->state, settings.policy, now);
        }
        seen.insert(account.name);
        accounts.push_back(std::move(facts));
    };
    if (auto surveyed = survey(places, settings.missing_state, now, note); !surveyed)
        return surveyed.failure();
    for (const auto& [name, entry] : known.listed()) {
        if (!seen.contains(name))
            accounts.push_back({.name = name, .can_log_in = entry.has_login_shell && entry.has_password});
    }
    std::ranges::sort(accounts, {}, &AccountFacts::name);
    return accounts;
}

}  // namespace totp
