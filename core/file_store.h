// The default store: two small files for each account (DESIGN: "What is on disk").
#pragma once

#include <string>

#include "core/pending.h"
#include "core/policy.h"
#include "core/record_file.h"
#include "core/store.h"

namespace totp {

/// Where the files are and whom they must belong to.
struct FileStorePlaces {
    std::string store;  ///< enrolled/NAME lies in it
    std::string state;  ///< NAME lies in it
    std::string key;    ///< the host key
    uid_t owner = 0;    ///< who, beside root, may own the directories and the key
};

/// The record of nobody, whom a pretence is about; no account's begins with a dot.
inline constexpr const char* nobodys_record = ".nobody";
inline Account nobody(const FileStorePlaces& places) { return {"", places.owner}; }

/// Opens the store itself.
Result<Directory> open_store_directory(const FileStorePlaces& places);

/// Opens a directory in it: "enrolled" or "pending".
Result<Directory> open_in_store(const FileStorePlaces& places, const char* name);

/// Opens the directory that the login states are in.
Result<Directory> open_state_directory(const FileStorePlaces& places);

/// The places that the settings name.
FileStorePlaces places_in(const Settings& settings, uid_t owner);

/// A record counts only if it is a regular file with one name, owned by its user or root and closed to all
/// others, in directories that belong to `owner` or root and that no others may write. Links are not
/// followed.
class FileStore : public Store {
  public:
    explicit FileStore(FileStorePlaces places) : places_(std::move(places)) {}

    Result<bool> is_enrolled(const Account& account) override;
    /// As much is written as an enrolment takes.
    Result<Done> can_enrol(const Account& account) override;
    Result<std::unique_ptr<HeldAccount>> hold(const Account& account, HoldFor purpose) override;

    /// The device whose key was shown at a login and that isn't confirmed; nothing if there is none, or none
    /// that can be read: it is only worth as much as it says.
    Result<std::optional<PendingDevice>> pending(const Account& account) const;

    /// Keeps it, durably, in place of an earlier one.
    Result<Done> keep_pending(const Account& account, const PendingDevice& pending) const;

    /// Makes the directories and the key where they are missing, for `group` if given, else for root alone.
    /// What was made for root alone, before there was a group, is given to it. For who enrols; a login makes
    /// nothing.
    Result<Done> prepare(std::optional<gid_t> group);

  private:
    FileStorePlaces places_;
};

}  // namespace totp
