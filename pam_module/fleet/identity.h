// Who asks a fleet's database, by which certificate.
#pragma once

#include "core/database.h"
#include "core/failure.h"

namespace totp {

/// The database with all that is needed to ask it as this host: who the user is, where the settings don't say
/// so, is the common name in the certificate's file, of which there must be exactly one.
Result<Database> for_host(Database database);

/// The same by the administrator's certificate and for its common name.
Result<Database> for_administrator(Database database);

}  // namespace totp
