#include "pam_module/cancellation.h"

#include <new>

#include <pthread.h>

namespace totp {
namespace {

/// The name of what is kept on the handle: something if the host allows it, nothing if not.
constexpr const char* may_be_cancelled = "pam_totp_may_be_cancelled";

}  // namespace

Uninterrupted::Uninterrupted(pam_handle_t* pamh) {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &hosts_state_);
    void* const is_allowed = hosts_state_ == PTHREAD_CANCEL_ENABLE ? pamh : nullptr;
    if (pam_set_data(pamh, may_be_cancelled, is_allowed, nullptr) == PAM_SUCCESS) return;
    pthread_setcancelstate(hosts_state_, nullptr);
    throw std::bad_alloc();
}

/// Where the host has chosen to be cancelled at any point, this is one.
Uninterrupted::~Uninterrupted() noexcept(false) { pthread_setcancelstate(hosts_state_, nullptr); }

HostsTurn::HostsTurn(const pam_handle_t* pamh) {
    const void* is_allowed = nullptr;
    if (pam_get_data(pamh, may_be_cancelled, &is_allowed) == PAM_SUCCESS && is_allowed != nullptr)
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
}

HostsTurn::~HostsTurn() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr); }

}  // namespace totp
