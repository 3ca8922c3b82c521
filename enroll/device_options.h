// The options that describe a new device, and the device that comes of them.
#pragma once

#include <optional>
#include <string>

#include "core/enrolment.h"
#include "core/failure.h"
#include "core/host_name.h"
#include "core/store.h"
#include "enroll/options.h"

namespace totp {

class DeviceOptions {
  public:
    void declare(Options& options);

    /// What is wrong with them whatever the account has.
    std::optional<Failure> refuse() const;

    /// Beside what the account has already. Its secret is a new one, or that of --secret-from, which is asked
    /// for here where it is to come from stdin.
    Result<Device> make(const std::optional<Enrolment>& enrolment) const;

    /// What its app is told.
    KeyUri key_uri(const Device& device, const Account& account) const;

    /// Whether another name would do as well, where somebody took it meanwhile.
    bool chooses_name() const { return !name_; }

  private:
    std::optional<Failure> refuse_texts() const;

    std::optional<std::string> name_;
    std::string algorithm_ = "SHA1";
    int digits_ = 6;
    std::optional<int> period_;
    bool is_hotp_ = false;
    std::string issuer_ = host_name();
    std::optional<std::string> label_;
    std::string secret_from_;
};

}  // namespace totp
