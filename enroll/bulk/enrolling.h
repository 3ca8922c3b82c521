// One account of the list enrolled, with what it is handed; several threads may be at it, each with another.
#pragma once

#include <string>

#include "core/file_store.h"
#include "enroll/bulk/out_directory.h"

namespace totp {

/// Whom to enrol with what; nothing is left open.
struct Enrollee {
    int line = 0;
    Account account;
    std::string record;  ///< record_name() of the account
    std::string device;
    std::string issuer;
    std::string label;
};

enum class Ending {
    enrolled,     ///< by this run, or its last step by this run
    done_before,  ///< nothing was changed
};

class Enrolling {
  public:
    Enrolling(FileStorePlaces places, const OutDirectory& out, std::size_t recovery_codes)
        : places_(std::move(places)), out_(out), recovery_codes_(recovery_codes) {}

    /// Takes the next step for the account and all that follow it. A failure is a sentence without file and
    /// line; the account is as it was before then, or the next call goes on.
    Result<Ending> enrol(const Enrollee& enrollee) const;

  private:
    struct Fresh;

    Result<Ending> enrol_anew(const Enrollee& enrollee) const;
    Result<Done> put_in_store(HeldAccount& held, const Fresh& fresh) const;
    Result<Ending> finish(const Enrollee& enrollee, const KeyUri& key) const;
    Result<Fresh> make(const Enrollee& enrollee) const;

    FileStorePlaces places_;
    const OutDirectory& out_;
    std::size_t recovery_codes_;
};

}  // namespace totp
