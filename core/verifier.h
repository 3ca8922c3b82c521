// Where a code is accepted, and the only place where it is. A pure decision: no I/O, no clock of its own.
// Everything it needs is an argument, everything it decides is in what it returns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/enrolment.h"
#include "core/login_state.h"
#include "core/policy.h"
#include "core/verdict.h"

namespace totp {

/// Counters from `first` to `last`, both included.
struct CounterRange {
    Counter first = 0;
    Counter last = 0;

    bool holds(Counter counter) const { return first <= counter && counter <= last; }
};

/// What a device makes of an offered code; more than one may be there, rarely.
struct Match {
    std::optional<Counter> fresh;      ///< right, and not spent: `*fresh + 1` is the next to store
    std::optional<Counter> near_miss;  ///< not right now, but for this counter not far away
    bool is_replayed = false;          ///< right, but spent
};

/// Which counter, if any, `offered` belongs to (RFC 4226 §7.2, RFC 6238 §5.2).
///
/// `window`    counters at which a code is right. Each that isn't spent is one more a guesser may hit.
/// `vicinity`  counters at which a wrong code still shows how far the device is out of step.
/// `next`      the lowest counter that isn't spent.
///
/// Always computes every counter of both ranges and compares without branching on the code, so the time
/// taken doesn't tell which one matched. Where a code belongs to two counters the later one counts: it
/// spends both. Until that is on disk nothing was accepted.
Match match_code(const KeyedHash& hash, int digits, std::uint32_t offered, CounterRange window,
                 CounterRange vicinity, Counter next);

/// One try to get in.
struct Attempt {
    std::string_view response;  ///< what was typed at our prompt; blanks and hyphens are passed over
    std::string_view password;  ///< what was typed at the one before; empty if not known
    Place place;
    std::string interface_id;  ///< see KnownPlace
    UnixTime now = 0;
    bool makes_place_known = true;  ///< whether a success is a login from there
    bool is_at_home = false;        ///< known all the same: a process of the user's own asks
    bool is_one_field = false;      ///< the response is the password with the code behind it (core/one_field)
};

/// What stands for the device where a recovery code was right.
inline constexpr std::string_view recovery_device = "recovery";

/// A response that can be a device's code.
struct TypedCode {
    std::uint32_t value = 0;
    int digits = 0;
};

/// Six to eight decimal digits, in groups or not; nothing for all else.
std::optional<TypedCode> typed_code(std::string_view response);

/// Why a response is no guess and isn't counted: empty, sshd's dummy, or the password. Nothing for all
/// others, right or wrong. That one field may hold no code at all is verify()'s to find.
std::optional<Reason> reason_not_to_count(const Attempt& attempt);

/// What a response is, throttling left aside.
struct Finding {
    Reason reason = Reason::none;  ///< none: it is right
    std::string device;            ///< the name of the device it came from, or "recovery"; empty if wrong
    int drift = 0;                 ///< steps that device is ahead of our clock
    LoginState after;              ///< `state` with what is spent if it is right
    int codes_tried = 0;           ///< how many codes a guess could have hit
    std::optional<NearMiss> near_miss;
    std::size_t password_size = 0;  ///< of one field, if it is right: so many octets are the password
};

/// Looks at a response: a device's code, a recovery code, or neither.
///
/// One field is looked at in every reading it has; the first that is right says what the password is, and
/// every code that stands there is spent. All of them together are one guess.
///
/// `last_near_miss` of the failure just before, if it was one: a second code for the counter after it
///                  brings the device back into step (RFC 4226 §7.4).
///
/// Every device of `enrolment` must be in `state` (device_without_state()).
Finding examine(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                const Attempt& attempt, const std::optional<NearMiss>& last_near_miss);

struct Decision {
    Verdict verdict = Verdict::refused;  ///< accepted, refused or throttled
    Reason reason = Reason::none;
    std::string device;                ///< see Finding
    int drift = 0;                     ///< see Finding
    std::size_t password_size = 0;     ///< see Finding
    int failures = 0;                  ///< in a row on this side, this one included
    bool must_be_committed = false;    ///< `next` differs from what is stored
    LoginState next;                   ///< write it before the verdict is told to anyone
    std::optional<UnixTime> retry_at;  ///< throttled: not before; absent: not until it is unlocked
};

/// The decision (DESIGN: "The decision"; RFC 4226 §7.3, RFC 6238 §5.2 and §6).
///
/// The duty left to the caller: hold the account's lock from before `state` was read until `next` is on
/// disk, and report nothing but a failure if it can't be written.
[[nodiscard]] Decision verify(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                              const Attempt& attempt);

}  // namespace totp
