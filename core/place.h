// Where an attempt comes from, as far as throttling is concerned.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace totp {

/// A place is plain text: an IPv4 address, an IPv6 network ("2001:db8:1:2::/64"), a host's name, or
/// "local:UID". At most maximum_place characters, none of them a blank, a comma, '=' or outside ASCII; not
/// "-".
using Place = std::string;

inline constexpr std::size_t maximum_place = 48;

/// The place a remote host stands for.
///
/// `remote_host`  PAM_RHOST, as the application gave it, not empty. An IPv6 address is cut to its /64 (one
///                household, one server); one that wraps an IPv4 address counts as that. Names are compared
///                without case; one longer than a place may be is cut and marked with a hash of the whole.
Place remote_place(std::string_view remote_host);

/// Which host of an IPv6 network: the last 64 bits of the address, its interface identifier (RFC 4291
/// §2.5.1), as 16 hexadecimal digits. Empty for all else that `remote_host` may be, and for an address with a
/// zone.
std::string interface_id_of(std::string_view remote_host);

/// The address, where `place` and `interface_id` name a single one: remote_place() and interface_id_of() of
/// the same remote host, an address. Nothing for hosts' names, networks and users of this machine.
std::optional<std::string> single_address(const Place& place, std::string_view interface_id);

/// Whether a single_address() is this machine's own, from which anybody on it may come (127.0.0.0/8, ::1).
bool is_loopback(const std::string& address);

/// The place of whoever runs a process on this machine: by the real user id.
Place local_place(uid_t real_uid);

}  // namespace totp
