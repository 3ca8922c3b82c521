#include "core/place.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include "core/checksum.h"
#include "core/hexadecimal.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view network_suffix = "/64";
constexpr std::size_t network_octets = 8;

bool is_wrapped_ipv4(const in6_addr& address) { return IN6_IS_ADDR_V4MAPPED(&address); }

Place text_of(int family, const void* address) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(family, address, text, sizeof text);
    return text;
}

Place network_of(in6_addr address) {
    if (is_wrapped_ipv4(address)) return text_of(AF_INET, &address.s6_addr[12]);
    std::fill_n(address.s6_addr + network_octets, sizeof address.s6_addr - network_octets, 0);
    return text_of(AF_INET6, &address) + std::string(network_suffix);
}

/// A colon would make a name look like an address, or like the place of somebody on this machine.
bool may_stand_in_a_name(char c) { return is_kept_in_word(c) && c != ',' && c != '=' && c != ':'; }

/// A name that isn't an address: a resolver's, or whatever an application made up.
Place named_place(std::string_view name) {
    Place place = percent_encode(name, may_stand_in_a_name);
    std::ranges::transform(place, place.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (place == "-") return "%2d";  // alone, it says "none" in a login state
    if (place.size() <= maximum_place) return place;
    const auto mark = "~" + checksum_text(place);
    return place.substr(0, maximum_place - mark.size()) + mark;
}

}  // namespace

std::string interface_id_of(std::string_view remote_host) {
    in6_addr address;
    if (inet_pton(AF_INET6, std::string(remote_host).c_str(), &address) != 1 || is_wrapped_ipv4(address))
        return "";
    return hexadecimal({address.s6_addr + network_octets, address.s6_addr + sizeof address.s6_addr});
}

std::optional<std::string> single_address(const Place& place, std::string_view interface_id) {
    in_addr ipv4;
    if (interface_id.empty() && inet_pton(AF_INET, place.c_str(), &ipv4) == 1) return place;
    if (!place.ends_with(network_suffix)) return std::nullopt;
    in6_addr ipv6;
    const auto network = place.substr(0, place.size() - network_suffix.size());
    const auto octets = parse_hexadecimal(interface_id);
    if (inet_pton(AF_INET6, network.c_str(), &ipv6) != 1 || !octets || octets->size() != network_octets)
        return std::nullopt;
    std::ranges::copy(*octets, ipv6.s6_addr + network_octets);
    return text_of(AF_INET6, &ipv6);
}

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

Place remote_place(std::string_view remote_host) {
    const std::string without_zone(remote_host.substr(0, remote_host.find('%')));
    in_addr ipv4;
    if (inet_pton(AF_INET, without_zone.c_str(), &ipv4) == 1) return text_of(AF_INET, &ipv4);
    in6_addr ipv6;
    if (inet_pton(AF_INET6, without_zone.c_str(), &ipv6) == 1) return network_of(ipv6);
    return named_place(remote_host);
}

Place local_place(uid_t real_uid) { return "local:" + std::to_string(real_uid); }

}  // namespace totp
