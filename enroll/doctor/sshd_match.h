// Whom a Match block of sshd_config concerns, and who would be somebody whom it does. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "enroll/doctor/sshd_config.h"

namespace totp {

struct SshdPerson {
    std::string name;
    std::vector<std::string> groups;
};

/// Who comes, and how: what Match lines can ask for.
struct SshdConnection {
    SshdPerson person;
    std::string address;
    std::string host;  ///< its name; the address, where it has none
    std::string local_address;
    std::string local_port;
    std::string domain;  ///< rdomain
};

/// One pattern with `*` and `?` (ssh_config(5), PATTERNS).
bool matches_pattern(std::string_view pattern, std::string_view text);

/// Whether sshd takes the lines of the block for this connection. A criterion that isn't known here holds for
/// nobody.
bool concerns(const SshdBlock& block, const SshdConnection& connection);

/// The line that decides what a keyword is for this connection; nothing where it is sshd's default.
const SshdLine* deciding_line(const SshdConfig& config, const SshdConnection& connection,
                              std::string_view keyword);

/// Of `people`, who is concerned by as few blocks as can be, everything else being as in `usual`. There must
/// be one.
SshdConnection plainest(const SshdConfig& config, std::span<const SshdPerson> people,
                        const SshdConnection& usual);

/// Somebody whom the block concerns, and as few others as can be; like `usual` in all that it doesn't ask
/// for. If none of `people` is and it names users, one who isn't there. Nothing where nobody can be found.
std::optional<SshdConnection> somebody_in(const SshdConfig& config, const SshdBlock& block,
                                          std::span<const SshdPerson> people, const SshdConnection& usual);

/// What to give sshd -T as -C.
std::string connection_spec(const SshdConnection& connection);

}  // namespace totp
