// How the database of a fleet is reached: the part [postgresql] of the settings, as values. Knows no library
// that would reach it (pam_module/fleet does).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace totp {

struct DatabaseHost {
    std::string name;  ///< of a host, or an address; its certificate must be for just this
    int port = 5'432;

    bool operator==(const DatabaseHost&) const = default;
};

struct Database {
    std::vector<DatabaseHost> hosts;  ///< tried in this order until one takes writes
    std::string name = "totp";
    std::string user;  ///< empty: the common name in the certificate
    std::string certificate = "/etc/pam-totp/postgresql.crt";
    std::string private_key = "/etc/pam-totp/postgresql.key";
    std::string root_certificate = "/etc/pam-totp/postgresql-root.crt";
    std::string administrator_certificate =
        "/etc/pam-totp/administrator.crt";  ///< for totp-enroll, as root runs it
    std::string administrator_private_key = "/etc/pam-totp/administrator.key";
    int deadline = 3;  ///< seconds for all that one question takes
};

/// Most hosts that may be named.
inline constexpr std::size_t maximum_database_hosts = 8;

/// HOST[:PORT], one or more with commas between them, and blanks around these. A HOST is a name or an IPv4
/// address, or an IPv6 address in brackets. Nothing for all else.
std::optional<std::vector<DatabaseHost>> parse_database_hosts(std::string_view text);

/// The reverse.
std::string format_database_hosts(const std::vector<DatabaseHost>& hosts);

/// Cuts `text` at its commas; blanks around them don't count.
std::vector<std::string_view> split_list(std::string_view text);

}  // namespace totp
