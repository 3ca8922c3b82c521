// A stage for the real module under the real libpam, without root: its own store, settings, service file,
// accounts, clock and log. The module that ships is loaded as it is; what it calls in libc is answered here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_store.h"

namespace stage {

/// What CLOCK_REALTIME says from now on, in this process and those forked from it later.
void set_clock(totp::UnixTime now);
void pass_time(totp::UnixTime seconds);

/// The lines sent to syslog since the last call: "PRIORITY text", the module's prefix cut off.
std::vector<std::string> take_log();

/// What was sent to systemd's journal since the last call. It listens from the first call on; before, no host
/// here has one.
std::vector<std::string> take_journal();

/// The records for Linux' audit since the last call, from the first one on: "TYPE PAM:WORD USER RESULT".
std::vector<std::string> take_audit();

/// To be called first. If this process is root it isn't from here on: nothing below needs it.
void begin_as_ordinary_user();

/// A directory with everything in it, gone with the object.
class Stage {
  public:
    /// `options`  more arguments for the module's line, after store=, key= and config=.
    /// `before`   lines of the service file before the module's; @PAM_TOTP@ is the module with store=, key=
    ///            and config=.
    /// `after`    likewise, after its auth line.
    explicit Stage(const std::string& options, const std::vector<std::string>& before = {},
                   const std::vector<std::string>& after = {});
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    const std::filesystem::path& directory() const { return directory_; }
    std::filesystem::path state_file() const { return directory_ / "store/state/alice"; }

    /// Where the module finds a helper of that name: nowhere, until a script is put there.
    std::filesystem::path helper(const std::string& name) const { return directory_ / name; }
    totp::FileStore store() const;

    /// Gives alice this enrolment text and the state a new one begins with.
    void enrol(const std::string& text) const;

    /// Puts `state` in alice's state file, as the newer slot.
    void write_state(const totp::LoginState& state) const;

    /// What the newer slot says, from "seq=" on without the padding; empty if there is no file.
    std::string state_text() const;

  private:
    std::filesystem::path directory_;
};

/// The name of the service file, and the only one.
inline constexpr const char* service = "door";

/// alice, as the runner's getpwnam knows her: she has the uid of this process.
totp::Account alice();

/// A device of hers, as a line of an enrolment; the code it shows at a time, and another one.
inline constexpr const char* device_line = "otpauth://totp/phone?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n";
std::string right_code(totp::UnixTime now);
std::string wrong_code(totp::UnixTime now);

/// Settings under which wrong codes never have to wait.
inline constexpr const char* never_throttled =
    "free_failures=10000 max_failures=10000 budget=10000 budget_drain=10000";

}  // namespace stage
