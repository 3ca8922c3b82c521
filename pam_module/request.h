// What libpam and the application say about the one who wants in, in our own terms.
#pragma once

#include <optional>
#include <string_view>

#include <security/pam_modules.h>

#include "core/place.h"
#include "core/settings_file.h"
#include "core/store.h"

namespace totp {

/// Where the settings lie for a process like this one.
SettingsPlaces settings_places();

/// A text item of the handle, as PAM_RHOST; empty where it isn't set. Valid until it is set anew.
std::string_view text_item(const pam_handle_t* pamh, int item);

/// The account as NSS spells it; nothing for a user it doesn't know.
std::optional<Account> account_of(pam_handle_t* pamh, const char* user);

/// Where they come from: PAM_RHOST, or this machine.
Place place_of(const pam_handle_t* pamh);

}  // namespace totp
