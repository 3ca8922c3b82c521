// systemd's journal, where it listens, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): each word of a
// line is a field of its own there, and nobody has to take lines apart.
#pragma once

#include <string_view>

namespace totp {

/// Writes `prefix` and `words` as one message of facility authpriv, with each `name=value` of `words`, as
/// log_word() makes them, in a field PAM_TOTP_NAME. False where nobody listens, or can't take it now: then it
/// is for syslog.
bool write_to_journal(int priority, std::string_view prefix, std::string_view words);

}  // namespace totp
