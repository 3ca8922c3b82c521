// The database of a fleet, through libpq: the only place that knows it.
//
// libpq is told every parameter that it would else take from the environment, a service file or somebody's
// home, and never waits: one deadline is for all that is done, until another is set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/database.h"
#include "pam_module/fleet/connection.h"
#include "pam_module/fleet/deadline.h"

namespace totp {

/// Connections to the first of its hosts that shows a certificate for its name and takes writes.
class Postgresql : public Connections {
  public:
    Postgresql(Database database, Deadline deadline);

    Result<std::unique_ptr<Connection>> next() override;

    /// From now on this one counts, for the connections that came from here too.
    void renew(Deadline deadline) { *deadline_ = deadline; }

  private:
    /// One address of a host.
    struct Target {
        DatabaseHost host;
        std::string address;
    };

    /// Finds the addresses once; what can't be found is told in `failures`.
    void find_targets(std::string& failures);
    Result<std::unique_ptr<Connection>> connect(const Target& target, const Deadline& deadline) const;

    Database database_;
    std::shared_ptr<Deadline> deadline_;
    std::vector<Target> targets_;
};

}  // namespace totp
