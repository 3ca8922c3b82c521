// Lives of accounts, made up: settings, devices, and attempts that have something to do with them. The same seed
// gives the same life.
#pragma once

#include <random>

#include "tests/unit/door.h"

namespace totp::testing {

class Generator {
  public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    /// From 0 to `count` - 1.
    int below(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
    int between(int lowest, int highest) { return lowest + below(highest - lowest + 1); }
    bool once_in(int count) { return below(count) == 0; }
    template <class Values>
    const auto& one_of(const Values& values) {
        return *std::next(std::begin(values), below(static_cast<int>(std::size(values))));
    }

    Policy policy();
    std::vector<Device> devices();

    /// PAM_RHOST: mostly addresses and names, some of them nearly so.
    std::string remote_host();

  private:
    std::mt19937_64 random_;
};

/// A recovery code, and what is kept of it.
struct KeptCode {
    std::string code;
    RecoveryHash hash;
};

/// Whoever tries to get in at a door: its user with devices that go wrong, and strangers.
class Life {
  public:
    /// `codes`  from which the account gets some, and of which all are tried.
    Life(Generator& generator, const std::vector<KeptCode>& codes);

    const Door& door() const { return door_; }
    /// The texts of the enrolment's recovery codes, in its order.
    const std::vector<SecretBytes>& recovery() const { return recovery_; }

    /// The next attempt: its parts stay where they are until the one after.
    Attempt next_attempt();
    /// PAM_RHOST of it, or what a helper says of who is at home on the machine `host`.
    const std::string& remote_host() const { return remote_host_; }

    void make(const Attempt& attempt) { door_.attempt(attempt); }

  private:
    UnixTime later();
    std::string response();
    std::string device_response();
    std::string spelled(std::string code);

    Generator& generator_;
    const std::vector<KeptCode>& codes_;
    std::vector<std::string> remote_hosts_;
    Door door_;
    std::vector<SecretBytes> recovery_;
    std::vector<int> ahead_;  ///< steps or counters that each device really is ahead of where it should be
    std::vector<std::string> tried_;
    std::string follows_;     ///< what the device shows after the last response; empty: nothing
    UnixTime now_ = start;
    std::string remote_host_;
    std::string response_;
};

}  // namespace totp::testing
