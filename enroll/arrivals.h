// What import is to take over: files of other programs, read and sorted by account. Decides whose each device
// is; what becomes of it is foreign/adoption's.
#pragma once

#include <string>
#include <vector>

#include "core/failure.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {

/// The devices of one account in one file. A failure is a sentence that names the file, or an account that
/// can't be found here; then nothing of it may be taken.
struct Arrival {
    std::string user;  ///< empty where it isn't known
    std::string from;  ///< the file; "stdin" for -
    Result<std::vector<ForeignDevice>> devices;
};

/// ~/.google_authenticator of every account that NSS lists, read as its user; those without one left out.
std::vector<Arrival> google_files_of_all();

/// The same of one account, where the lack of one is a failure.
Arrival google_file_of(const std::string& user);

/// One file made by google-authenticator. Without `user` it is its owner's, unless that is root: what lies in
/// a directory of root's may be anybody's.
Arrival google_file_at(const std::string& path, const std::string& user);

/// Whose accounts a file of many is about.
enum class Accounts { of_this_machine, of_a_database };

/// A users file of pam_oath, of which `user` may ask for one account's lines alone. A wrong line takes the
/// whole account with it, and no other; so does one of somebody who has no account on this machine, where it
/// must be that.
std::vector<Arrival> oath_users_at(const std::string& path, const std::string& user, Accounts accounts);

/// A file of key URIs, or of those that Google Authenticator's export shows.
Arrival uris_at(const std::string& path, const std::string& user);

}  // namespace totp
