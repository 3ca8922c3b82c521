// The settings: what the administrator decided, from /etc/security/pam_totp.conf and then from the arguments
// on the PAM line. One table says for both what there is, in which range.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/database.h"
#include "core/failure.h"
#include "core/otp.h"
#include "core/sentence.h"
#include "core/settings_file.h"

namespace totp {

/// Where enrolments are, and where codes are checked.
enum class Engine {
    files,       ///< on this machine (core/file_store)
    postgresql,  ///< in a database of many hosts, which pam_module/fleet asks
};

/// What to do about an enrolled device whose login state is gone.
enum class MissingState {
    refuse,      ///< refuse: a fresh start would bring spent codes back
    start_anew,  ///< time-based devices start after the current step (with_lost_devices_restarted())
};

/// What an account without enrolment gets.
enum class Unenrolled {
    refuse,  ///< a prompt that nothing satisfies
    ignore,  ///< PAM_IGNORE
    enrol,   ///< PAM_IGNORE from the auth phase, enrolment in the account phase (pam_module/enrol_at_login)
};

/// The numbers of the decision (core/verifier).
struct Policy {
    int window = 1;            ///< steps accepted before and after the expected one
    int max_drift = 20;        ///< steps a device's clock may be off
    int resync_window = 20;    ///< steps searched for two codes in a row; at most max_drift
    int hotp_look_ahead = 10;  ///< counters accepted ahead of the next one
    int free_failures = 4;     ///< failures in a row before a side waits at all
    int delay = 30;            ///< seconds after the next one; doubles with each further
    int max_delay = 3'600;     ///< seconds; at least `delay`
    int max_failures = 100;    ///< failures in a row that shut a side until it is unlocked
    int budget = 100;          ///< level at which a side waits, however many successes lie between
    int budget_drain = 4;      ///< how much of the level drains in a day
    int remember = 0;          ///< seconds a host is let in without a code after a login (core/known_places)
};

struct Settings {
    Policy policy;
    Engine engine = Engine::files;
    Database database;                     ///< with Engine::postgresql
    std::vector<std::string> break_glass;  ///< accounts whose recovery codes of this machine count where
                                           ///< Engine::postgresql can't be used
    std::string file;                      ///< which was read in place of those at their places; empty: none
    MissingState missing_state = MissingState::refuse;
    Unenrolled unenrolled = Unenrolled::refuse;
    std::optional<UnixTime> enrol_by;     ///< with Unenrolled::enrol: before it a notice only
    std::optional<UnixTime> enrol_until;  ///< with Unenrolled::enrol: from then on as Unenrolled::refuse
    std::string enrol_qr = "utf8";        ///< the QR code: "utf8", "utf8-light", "ascii" or "none"
    std::string prompt = "Verification code: ";  ///< ends with a blank
    bool echo = false;                           ///< show what is typed
    bool debug = false;                          ///< log each step
    bool once = false;   ///< who passed on another line of the same PAM transaction isn't asked again
    bool quiet = false;  ///< no notices
    bool use_first_pass = false;  ///< the code stands behind the password that was asked for before us
    bool try_first_pass = false;  ///< likewise where it does; else we ask
    bool forward_pass = false;    ///< we ask for both in one field, and hand the password on
    std::string store = "/var/lib/pam-totp";
    std::string state;  ///< a directory of its own for the login states; empty: `state` in the store
    std::string key = "/etc/pam-totp/key";

    std::string state_directory() const { return state.empty() ? store + "/state" : state; }

    /// The prompt for a code, and the one for password and code in one field: ours, or for both of them
    /// `prompt` where the administrator has set one.
    Sentence prompt_for_code() const;
    Sentence prompt_for_both() const;
};

/// What an account without enrolment gets at `now`: the days it may enrol until come to an end.
Unenrolled unenrolled_at(const Settings& settings, UnixTime now);

/// One row of the table, for the manuals, the shipped file and whoever checks them.
struct SettingDescription {
    std::string_view name;
    std::string default_value;
    std::string range;           ///< "0 to 20", "yes or no", "refuse, ignore or enrol", "text", "a path"
    std::string_view part = {};  ///< of the file, in which it stands: "postgresql"; empty: before all parts
};
std::vector<SettingDescription> describe_settings();

/// Every argument that is no setting, without its '=': for the manual of the module and who checks it.
std::vector<std::string_view> arguments_beside_settings();

/// The settings in the files at `places`; what they don't name has its default.
/// An unknown name and a value out of range are refused with file and line.
Result<Settings> read_settings(const SettingsPlaces& places);

/// The same for one named file, which must be there; /dev/null means the defaults.
Result<Settings> read_settings_file(const std::string& file, uid_t owner);

/// The whole story of a PAM line: one `config=FILE` among `arguments` names the file in place of `places`,
/// then each argument sets what it names. Flags stand without a value. Arguments of other modules are taken
/// where they mean the same: nullok, authtok_prompt=, echo_verification_code, noskewadj, no_increment_hotp,
/// grace_period=; of the others the failure says what to use instead (core/foreign_options).
Result<Settings> settings_for_line(const SettingsPlaces& places, std::span<const char* const> arguments);

}  // namespace totp
