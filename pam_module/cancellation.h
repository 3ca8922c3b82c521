// pthread_cancel against a thread that is in the module: it takes effect while the host's own code runs, in
// the conversation, and nowhere else. Elsewhere the thread may stand in a destructor, through which no
// unwinding may pass, or in a library that has a lock; and a login that was decided is to be finished, on
// disk too.
#pragma once

#include <security/pam_modules.h>

namespace totp {

/// While this lives, the thread isn't cancelled; then all is as the host had it, and a request that came
/// meanwhile waits for its next cancellation point. Throws bad_alloc where libpam can't keep what the host
/// had.
class Uninterrupted {
  public:
    explicit Uninterrupted(pam_handle_t* pamh);
    ~Uninterrupted() noexcept(false);
    Uninterrupted(const Uninterrupted&) = delete;
    Uninterrupted& operator=(const Uninterrupted&) = delete;

  private:
    int hosts_state_ = 0;
};

/// Within that: while this lives, the thread can be cancelled if the host allowed it.
class HostsTurn {
  public:
    explicit HostsTurn(const pam_handle_t* pamh);
    ~HostsTurn();
    HostsTurn(const HostsTurn&) = delete;
    HostsTurn& operator=(const HostsTurn&) = delete;
};

}  // namespace totp
