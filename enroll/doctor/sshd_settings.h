// What `sshd -T` says, as values: of all its settings those that decide who gets in and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "enroll/doctor/pam_stack.h"

namespace totp {

struct SshdSettings {
    bool use_pam = false;
    bool keyboard_interactive = false;
    bool password = false;
    bool public_key = false;  ///< and there is somewhere to look for keys
    bool kerberos = false;    ///< passwords are tried as Kerberos' first, by sshd itself
    bool gssapi = false;
    bool hostbased = false;
    bool empty_passwords = false;
    std::string root_login;            ///< "yes", "no", "prohibit-password", "forced-commands-only"
    std::vector<std::string> methods;  ///< AuthenticationMethods: each "publickey,password"; none for `any`
    std::vector<std::string> allowed_users;  ///< patterns, as USER or USER@HOST; none: all
    std::vector<std::string> denied_users;
    std::vector<std::string> allowed_groups;  ///< patterns; none: all
    std::vector<std::string> denied_groups;
    int grace_time = 0;  ///< seconds; 0 is for ever
    int max_tries = 0;
    std::string pam_service = "sshd";  ///< in small letters, as libpam looks for it
};

/// `output`: all that `sshd -T` printed, complaints among it. Where it couldn't read its configuration this
/// is a failure whose message is sshd's own words.
Result<SshdSettings> parse_sshd_settings(std::string_view output);

/// The file and line that a complaint of sshd's names; no file where it names none.
FileLine place_in_complaint(std::string_view complaint);

}  // namespace totp
