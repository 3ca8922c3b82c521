// Facts for scripts, as values. The library's header takes longer to compile than most of what includes it.
#pragma once

#include <nlohmann/json.hpp>

#include "enroll/json_fwd.h"  // IWYU pragma: export
