// Where an attempt comes from, as far as throttling is concerned.
#pragma once

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

/// The place of whoever runs a process on this machine: by the real user id.
Place local_place(uid_t real_uid);

}  // namespace totp
