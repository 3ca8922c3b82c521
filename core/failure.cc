#include "core/failure.h"

#include <cstring>

namespace totp {

std::string because_of(int error_number) {
    char text[128] = "";
    return std::string(": ") + strerror_r(error_number, text, sizeof text);  // the GNU one: thread-safe
}

}  // namespace totp
