#include "core/host_name.h"

#include <sys/utsname.h>

namespace totp {

std::string host_name() {
    utsname machine{};
    return uname(&machine) == 0 ? machine.nodename : "";
}

}  // namespace totp
