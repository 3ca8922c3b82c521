#include "core/known_places.h"

#include <algorithm>

#include "core/throttle.h"

namespace totp {
namespace {

constexpr UnixTime seconds_a_place_stays_known = UnixTime{90} * 86'400;

}  // namespace

void make_known(LoginState& state, KnownPlace login) {
    std::erase_if(state.places, [&](const KnownPlace& known) { return known.place == login.place; });
    if (state.places.size() >= maximum_known_places) {
        state.places.erase(std::ranges::min_element(state.places, {}, &KnownPlace::last_login));
    }
    state.places.push_back(std::move(login));
}

bool is_known(const LoginState& state, const Place& place, UnixTime now) {
    return std::ranges::any_of(state.places, [&](const KnownPlace& known) {
        return known.place == place && known.last_login > now - seconds_a_place_stays_known;
    });
}

std::optional<UnixTime> remembered_until(const LoginState& state, const Policy& policy, const Place& place,
                                         std::string_view interface_id, UnixTime now) {
    const auto known = std::ranges::find(state.places, place, &KnownPlace::place);
    if (known == state.places.end() || known->interface_id != interface_id) return std::nullopt;
    const auto address = single_address(place, interface_id);
    if (!address || is_loopback(*address) || closed_until(state.known, policy, now)) return std::nullopt;
    const auto until = known->last_login + policy.remember;
    const bool is_remembered = known->last_login <= now && now < until;
    return is_remembered ? std::optional(until) : std::nullopt;
}

}  // namespace totp
