#include "pam_module/request.h"

#include <pwd.h>
#include <security/pam_modutil.h>
#include <unistd.h>

namespace totp {

SettingsPlaces settings_places() {
    return {.vendor = PAM_TOTP_VENDOR_DIRECTORY,
            .administrator = PAM_TOTP_SETTINGS_DIRECTORY,
            .owner = geteuid()};
}

std::string_view text_item(const pam_handle_t* pamh, int item) {
    const void* text = nullptr;
    if (pam_get_item(pamh, item, &text) != PAM_SUCCESS || text == nullptr) return "";
    return static_cast<const char*>(text);
}

std::optional<Account> account_of(pam_handle_t* pamh, const char* user) {
    const passwd* entry = pam_modutil_getpwnam(pamh, user);
    if (entry == nullptr || !record_name(entry->pw_name)) return std::nullopt;
    return Account{entry->pw_name, entry->pw_uid};
}

Place place_of(const pam_handle_t* pamh) {
    const auto remote_host = text_item(pamh, PAM_RHOST);
    return remote_host.empty() ? local_place(getuid()) : remote_place(remote_host);
}

}  // namespace totp
