// The list that bulk enrols from, as lines. Knows no account of this machine and no file but by its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace totp {

/// Whom to enrol. What is empty wasn't said.
struct ListedAccount {
    std::string user;
    std::string device;  ///< is_device_name() where said
    std::string issuer;  ///< without a colon, as the label
    std::string label;
};

/// A failure names file and line, and is about this line alone.
struct ListLine {
    int number;  ///< from 1, as an editor shows it
    Result<ListedAccount> account;
};

/// "FILE:7", to begin a sentence with.
std::string place_in_list(const std::string& file, int line);

/// The accounts that `text`, which may begin with a byte order mark, lists in either form:
///
///     alice                       one account a line
///
///     user,device                 or, where the first line has a comma, comma-separated values (RFC 4180)
///     alice,phone                 under that heading, its columns being user and any of device, issuer and
///     "bob","work phone"          label; blanks around values don't count, and none goes over its line
///
/// Empty lines and those that begin with '#' are passed over in both. Fails, naming file and line, where the
/// list as a whole can't be trusted: a heading with a column that isn't known, is doubled or missing, or that
/// may be an account as well; bytes that are no text; nobody listed.
Result<std::vector<ListLine>> parse_account_list(std::string_view text, const std::string& file);

}  // namespace totp
