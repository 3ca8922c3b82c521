#include "pam_module/transaction.h"

#include <memory>

namespace totp {
namespace {

// The names of what is kept on the handle: in each, a user's name.
constexpr const char* passed = "pam_totp_passed";
constexpr const char* enrolment = "pam_totp_enrolment";

constexpr const char* owed_variable = "PAM_TOTP_ENROLMENT_OWED";

void discard(pam_handle_t*, void* user, int) { delete static_cast<std::string*>(user); }

bool note(pam_handle_t* pamh, const char* what, const std::string& user) {
    auto name = std::make_unique<std::string>(user);
    if (pam_set_data(pamh, what, name.get(), discard) != PAM_SUCCESS) return false;
    static_cast<void>(name.release());
    return true;
}

const std::string* noted(const pam_handle_t* pamh, const char* what) {
    const void* name = nullptr;
    return pam_get_data(pamh, what, &name) == PAM_SUCCESS ? static_cast<const std::string*>(name) : nullptr;
}

void forget(pam_handle_t* pamh, const char* what) {
    if (noted(pamh, what) != nullptr) static_cast<void>(pam_set_data(pamh, what, nullptr, nullptr));
}

}  // namespace

bool note_passed(pam_handle_t* pamh, const std::string& user) { return note(pamh, passed, user); }

bool has_passed(const pam_handle_t* pamh, const std::string& user) {
    const auto* name = noted(pamh, passed);
    return name != nullptr && *name == user;
}

bool tell_passed(pam_handle_t* pamh, const std::string& user) {
    return pam_putenv(pamh, ("PAM_TOTP_PASSED=" + user).c_str()) == PAM_SUCCESS;
}

void forget_passed(pam_handle_t* pamh) { forget(pamh, passed); }

bool note_enrolment(pam_handle_t* pamh, const std::string& user, bool is_owed) {
    if (!note(pamh, enrolment, user)) return false;
    return !is_owed || pam_putenv(pamh, (std::string(owed_variable) + "=1").c_str()) == PAM_SUCCESS;
}

std::optional<std::string> user_to_enrol(const pam_handle_t* pamh) {
    const auto* name = noted(pamh, enrolment);
    return name == nullptr ? std::nullopt : std::optional(*name);
}

bool is_enrolment_owed(pam_handle_t* pamh) { return pam_getenv(pamh, owed_variable) != nullptr; }

void forget_enrolment(pam_handle_t* pamh) {
    forget(pamh, enrolment);
    if (is_enrolment_owed(pamh)) static_cast<void>(pam_putenv(pamh, owed_variable));
}

void forget_enrolment_of_others(pam_handle_t* pamh, const std::string& user) {
    if (user_to_enrol(pamh) != user) forget_enrolment(pamh);
}

}  // namespace totp
