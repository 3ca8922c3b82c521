#include "core/store.h"

#include "core/percent.h"

namespace totp {

void HeldAccount::restart_lost_devices(UnixTime now) {
    if (enrolment_) state_ = with_lost_devices_restarted(std::move(state_), *enrolment_, now);
}

Result<std::unique_ptr<HeldAccount>> hold_by_settings(Store& store, const Account& account, HoldFor purpose,
                                                      MissingState missing_state, UnixTime now) {
    const bool is_for_login = purpose == HoldFor::login;
    const bool starts_anew =
        missing_state == MissingState::start_anew && (is_for_login || purpose == HoldFor::change);
    auto held = store.hold(account, starts_anew && is_for_login ? HoldFor::login_without_state : purpose);
    if (held && starts_anew) (*held)->restart_lost_devices(now);
    return held;
}

std::optional<std::string> record_name(std::string_view user) {
    constexpr std::size_t longest_file_name = 255;
    auto name = percent_encode(
        user, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '@' || c == '-'; });
    if (name.starts_with('.')) name.replace(0, 1, "%2E");
    if (name.empty() || name.size() > longest_file_name) return std::nullopt;
    return name;
}

}  // namespace totp
