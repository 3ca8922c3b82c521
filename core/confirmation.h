// A new device confirms that it has the key: by a code it shows. Pure, as core/verifier is, which decides
// whether the code is right.
#pragma once

#include <optional>

#include "core/enrolment.h"
#include "core/login_state.h"
#include "core/policy.h"
#include "core/sentence.h"
#include "core/verifier.h"

namespace totp {

/// How far a device is out of step that showed the code for `counter` (Finding::near_miss) at `now`: a
/// clause.
Sentence out_of_step(Counter counter, const Credential& credential, UnixTime now);

/// The tries a person has with a device that isn't enrolled yet: three.
class Confirmation {
  public:
    /// `place` is where the person sits, for the login state; empty if that isn't to be told.
    Confirmation(Device device, const Policy& policy, Place place = "");

    bool has_tries_left() const { return tries_left_ > 0; }

    /// The login state of the device alone, with the code spent, if it is right; else explanation() says what
    /// is wrong.
    std::optional<LoginState> take(const SecretBytes& code, UnixTime now);

    /// What was wrong with the last code, as far as that can be told; empty before there was one.
    const Sentence& explanation() const { return explanation_; }

  private:
    Sentence hint(const Finding& finding, UnixTime now) const;

    Device device_;
    Policy policy_;
    Place place_;
    int tries_left_ = 3;
    Sentence explanation_;
};

}  // namespace totp
