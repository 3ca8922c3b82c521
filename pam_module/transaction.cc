#include "pam_module/transaction.h"

#include <memory>

namespace totp {
namespace {

constexpr const char* passed = "pam_totp_passed";

void discard(pam_handle_t*, void* user, int) { delete static_cast<std::string*>(user); }

}  // namespace

bool note_passed(pam_handle_t* pamh, const std::string& user) {
    auto name = std::make_unique<std::string>(user);
    if (pam_set_data(pamh, passed, name.get(), discard) != PAM_SUCCESS) return false;
    static_cast<void>(name.release());
    return true;
}

bool has_passed(const pam_handle_t* pamh, const std::string& user) {
    const void* name = nullptr;
    return pam_get_data(pamh, passed, &name) == PAM_SUCCESS && name != nullptr &&
           *static_cast<const std::string*>(name) == user;
}

bool tell_passed(pam_handle_t* pamh, const std::string& user) {
    return pam_putenv(pamh, ("PAM_TOTP_PASSED=" + user).c_str()) == PAM_SUCCESS;
}

void forget_passed(pam_handle_t* pamh) {
    const void* name = nullptr;
    if (pam_get_data(pamh, passed, &name) == PAM_SUCCESS && name != nullptr) {
        static_cast<void>(pam_set_data(pamh, passed, nullptr, nullptr));
    }
}

}  // namespace totp
