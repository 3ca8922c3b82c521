// Everything a login changes, and the slot it is written in. Knows what the words mean on disk, not which
// codes they let in: that is core/verifier's.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/otp.h"
#include "core/place.h"

namespace totp {

/// A wrong code that would have been right for `counter` of the device, had the device been in step.
struct NearMiss {
    std::string device;  ///< its id
    Counter counter = 0;

    bool operator==(const NearMiss&) const = default;
};

/// How often one side of the throttle failed (see core/verifier).
struct SideState {
    int failures = 0;                   ///< in a row; a success from this side clears them
    std::int64_t level = 0;             ///< at `last_failure`, in parts of a code: see level_parts
    UnixTime last_failure = 0;          ///< 0: never
    Place from;                         ///< of the last failure; empty: never
    std::optional<NearMiss> near_miss;  ///< of the last failure, if it was one

    bool operator==(const SideState&) const = default;
};

/// One code counts this many parts of a level, so that a drain of n codes a day is n parts a second.
inline constexpr std::int64_t level_parts = 86'400;

struct DeviceState {
    std::string id;  ///< device_id() of its credential
    /// The lowest counter or time step that is not spent. Absent: this device's past is lost and nothing
    /// is accepted until an administrator says where it stands.
    std::optional<Counter> next;
    int drift = 0;           ///< steps the device is ahead of our clock; TOTP only
    UnixTime last_used = 0;  ///< 0: never
    Place from;              ///< of the last use; empty: never

    bool operator==(const DeviceState&) const = default;
};

/// A place this user has logged in from, and when last.
struct KnownPlace {
    Place place;
    UnixTime last_login = 0;
    std::string interface_id;  ///< of that login, where the place is an IPv6 network (interface_id_of())

    bool operator==(const KnownPlace&) const = default;
};

inline constexpr std::size_t maximum_known_places = 8;

/// What was done to the enrolment since its user last logged in: told to them at the next login, once.
struct Changes {
    UnixTime last = 0;  ///< when the latest of them was made
    bool added_device = false;
    bool removed_device = false;
    bool renewed_recovery = false;  ///< a new set of recovery codes, or one more code

    bool operator==(const Changes&) const = default;
};

struct LoginState {
    std::uint64_t sequence = 0;  ///< of the slot it came from; the store counts it up
    SideState known;
    SideState elsewhere;
    std::vector<DeviceState> devices;         ///< at most 8, ids all different
    std::vector<std::string> spent_recovery;  ///< RecoveryHash::id(); at most 32
    std::vector<KnownPlace> places;           ///< at most 8
    std::optional<Changes> changes;           ///< not told yet

    DeviceState* device(std::string_view id);
    const DeviceState* device(std::string_view id) const;
    bool has_spent(const RecoveryHash& code) const;
    bool operator==(const LoginState&) const = default;
};

/// The state to begin `enrolment` with, none of its codes being spent.
LoginState new_login_state(const Enrolment& enrolment);

/// `state` with an entry for each device of `enrolment` that has none, its past being unknown: time-based
/// devices start after the current step; counters and, if no device had an entry, all recovery codes stay
/// refused until an administrator says where they stand.
LoginState with_lost_devices_restarted(LoginState state, const Enrolment& enrolment, UnixTime now);

/// A device of `enrolment` that `state` knows nothing of: to log in with it would bring spent codes back.
const Device* device_without_state(const Enrolment& enrolment, const LoginState& state);

/// Forgets devices that aren't `enrolment`'s. For changes of the enrolment; a login keeps them, because a
/// re-deployed enrolment may bring a device back. Which recovery codes are spent is kept by both: an older
/// set may come back, and nothing would tell that it did.
LoginState without_strangers(LoginState state, const Enrolment& enrolment);

/// Notes that this code of `enrolment`, which is good still, is spent. Of codes that aren't the enrolment's
/// any more the oldest is forgotten where there is no room.
void note_spent(LoginState& state, const RecoveryHash& code, const Enrolment& enrolment);

/// How many recovery codes still let in at `now`.
std::size_t recovery_codes_left(const Enrolment& enrolment, const LoginState& state, UnixTime now);

/// Adds what was done at `change.last` to what there is to tell.
void note_change(LoginState& state, const Changes& change);

/// A state on disk: text, padded with blanks, ending in its checksum and a newline.
///
///     pam-totp-state 1 seq=N known=SIDE elsewhere=SIDE {device=…} [spent=ID,ID…]
///     {place=PLACE,TIME[,INTERFACE]}
///         [changed=TIME,KINDS] sum=SUM
///
///     SIDE    FAILURES,LEVEL,TIME,PLACE|-,DEVICE@COUNTER|-
///
///     device  ID,NEXT|-,DRIFT,TIME,PLACE|-
///
///     KINDS   of a (device added), r (removed), c (recovery codes made), one or more in this order
///
/// INTERFACE is of an IPv6 network alone, which with it is shorter than the longest place. Words stand in
/// this order, one blank apart.
inline constexpr std::size_t slot_size = 2048;
using Slot = std::array<char, slot_size>;

/// Always fits, whatever the state holds within its limits.
Slot format_slot(const LoginState& state);

/// Nothing where the slot is torn, empty, of another version, or says what no state of ours says.
std::optional<LoginState> parse_slot(std::string_view slot);

/// The two slots of a state file, one of which may be torn.
using SlotPair = std::array<Slot, 2>;

/// What the newer whole slot says; nothing if neither is whole.
std::optional<LoginState> newest(const SlotPair& slots);

/// Which slot the state with this sequence number is written to: never the one it was read from.
constexpr std::size_t slot_for(std::uint64_t sequence) { return sequence % 2; }

}  // namespace totp
