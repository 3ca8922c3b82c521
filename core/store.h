// Where enrolments and login states are kept, as far as anyone above needs to know: hold one account, change
// what is held, let go.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/login_state.h"
#include "core/policy.h"

namespace totp {

/// An account as NSS spells it: `name` is pw_name, not what somebody typed.
struct Account {
    std::string name;
    uid_t uid = 0;
};

/// One account, locked from the moment its records were read until this goes. Nobody else, in whatever
/// process, holds it meanwhile.
class HeldAccount {
  public:
    virtual ~HeldAccount() = default;

    /// What is enrolled; nothing if nobody is.
    const std::optional<Enrolment>& enrolment() const { return enrolment_; }
    const LoginState& state() const { return state_; }

    /// Has what is held begin anew where a device's past is lost (with_lost_devices_restarted()). Writes
    /// nothing.
    void restart_lost_devices(UnixTime now);

    /// Makes `next` the state, durably: when this returns Done it has reached the disk, and needed no new
    /// space there. When it fails the old state stands, whole. At most once for each hold.
    virtual Result<Done> commit(LoginState next) = 0;

    /// Makes both the account's, durably and in the order that never lets a spent code in: state, then
    /// enrolment. So `state` must still know the devices that are enrolled so far, also those that are to go.
    /// Refuses an enrolment that could not be read again.
    virtual Result<Done> enrol(const Enrolment& enrolment, LoginState state) = 0;

    /// Forgets the account: enrolment first, then state.
    virtual Result<Done> remove() = 0;

  protected:
    std::optional<Enrolment> enrolment_;
    LoginState state_;
};

/// Whoever waits for an account that somebody else holds, or for a lock of the store, gives up then.
inline constexpr std::chrono::seconds longest_wait_for_a_lock{5};

/// Why an account is held.
enum class HoldFor {
    login,                ///< nothing is made: a device whose state is gone is a failure
    login_without_state,  ///< an empty state is made for an enrolled account that has none
    change,               ///< an empty state is made for any account that has none
    removal,              ///< nothing is read, so that damaged records can be removed too
    pretence,             ///< nobody: see below
};

class Store {
  public:
    virtual ~Store() = default;

    /// Whether anything is enrolled for the account, without waiting for its lock.
    virtual Result<bool> is_enrolled(const Account& account) = 0;

    /// Whether a device of the account could be enrolled now, so that nobody is shown a key for nothing.
    /// Nothing is left of it.
    virtual Result<Done> can_enrol(const Account& account) = 0;

    /// Waits for the account's lock, at most longest_wait_for_a_lock, and reads its records.
    ///
    /// For a pretence the account is nobody (Account{}), and what is held are records like a usual account's
    /// whose codes nobody has: an account without records is refused in the time that a wrong code takes.
    /// Any number may hold them at once, and commit() writes what stands there already. A failure where there
    /// are none.
    virtual Result<std::unique_ptr<HeldAccount>> hold(const Account& account, HoldFor purpose) = 0;
};

/// As Store::hold(). For a login or a change, where `missing_state` lets devices start anew whose past is
/// lost, they have.
Result<std::unique_ptr<HeldAccount>> hold_by_settings(Store& store, const Account& account, HoldFor purpose,
                                                      MissingState missing_state, UnixTime now);

/// The name of an account's records: every byte outside [A-Za-z0-9_.@-], and a leading dot, as %XX. Nothing
/// for names that are empty or come to more than 255 bytes: no record can be theirs.
std::optional<std::string> record_name(std::string_view user);

}  // namespace totp
