// One account of the list enrolled, with what it is handed; several threads may be at it, each with another.
#pragma once

#include <string>

#include "enroll/bulk/out_directory.h"
#include "enroll/bulk/register.h"

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

class Enrolling {
  public:
    Enrolling(const Register& accounts, const OutDirectory& out, std::size_t recovery_codes)
        : accounts_(accounts), out_(out), recovery_codes_(recovery_codes) {}

    /// Takes the next step for the account and all that follow it. A failure is a sentence without file and
    /// line; the account is as it was before then, or the next call goes on.
    Result<Ending> enrol(const Enrollee& enrollee) const;

  private:
    Result<Ending> enrol_anew(const Enrollee& enrollee) const;
    Result<Ending> enrol_begun(const Enrollee& enrollee, const LyingText& begun) const;
    Result<Ending> enrol_with(const Enrollee& enrollee, const Fresh& fresh,
                              const Register::Begin& begin) const;
    Result<Ending> finish(const Enrollee& enrollee, const KeyUri& key) const;
    Result<Fresh> make(const Enrollee& enrollee) const;

    const Register& accounts_;
    const OutDirectory& out_;
    std::size_t recovery_codes_;
};

}  // namespace totp
