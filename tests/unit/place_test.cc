#include "core/place.h"

#include <set>

#include "core/login_state.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

void gives_each_remote_host_its_place(void**) {
    for (const auto& row : vector_table("places.txt", 2)) assert_text(remote_place(row[0]), row[1]);
}

void takes_a_local_place_by_the_real_user(void**) {
    assert_text(local_place(0), "local:0");
    assert_text(local_place(4'294'967'294), "local:4294967294");
}

void tells_long_names_apart_that_begin_alike(void**) {
    const std::string start(60, 'a');
    std::set<Place> places = {remote_place(start)};
    for (const auto* end : {"b", "c", "bb"}) {
        claim(places.insert(remote_place(start + end)).second, std::string("...") + end);
    }
    assert_text(remote_place(start + "B"), remote_place(start + "b"));
}

void names_the_host_of_a_network(void**) {
    for (const auto& [host, id] :
         {std::pair("2001:db8::7", "0000000000000007"), std::pair("2001:db8:1:2:a:b:c:d", "000a000b000c000d"),
          std::pair("::", "0000000000000000")}) {
        assert_text(interface_id_of(host), id);
        assert_text(single_address(remote_place(host), id).value(), host);
    }
    for (const auto* host :
         {"192.0.2.7", "::ffff:192.0.2.7", "fe80::1%eth0", "home.example", "", "2001:db8::/64"})
        claim(interface_id_of(host).empty(), host);
}

void only_an_address_is_a_single_one(void**) {
    assert_text(single_address("192.0.2.7", "").value(), "192.0.2.7");
    const std::pair<Place, std::string> no_address[] = {
        {"192.0.2.7", "0000000000000007"},
        {"2001:db8::/64", ""},
        {"2001:db8::/64", "7"},
        {"2001:db8::/64", "000000000000000G"},
        {"2001:db8::/64", "00000000000000A7"},
        {"2001:db8::/64", "000000000000000007"},
        {"2001:db8::", "0000000000000007"},
        {"home.example", ""},
        {"home/64", "0000000000000007"},
        {"local:0", ""},
    };
    for (const auto& [place, id] : no_address) claim(!single_address(place, id), place + " " + id);
}

/// Host names of every byte and of many lengths, as an application may make them up.
std::vector<std::string> made_up_names() {
    std::vector<std::string> names = {"-", "%", "%%%", "a%", std::string(4'000, '\n')};
    for (int byte = 1; byte < 256; ++byte) names.push_back({static_cast<char>(byte), 'x'});
    for (std::size_t size = 40; size < 60; ++size) names.emplace_back(size, 'x');
    for (std::size_t size = 10; size < 20; ++size) names.emplace_back(size, ' ');
    return names;
}

void every_place_is_short_and_plain(void**) {
    for (const auto& name : made_up_names()) {
        const auto place = remote_place(name);
        const bool is_plain =
            std::ranges::all_of(place, [](char c) { return c > ' ' && c < 127 && c != ',' && c != '='; });
        claim(!place.empty() && place.size() <= maximum_place && is_plain, place);
    }
}

void every_place_survives_being_stored(void**) {
    for (const auto& name : made_up_names()) {
        const auto place = remote_place(name);
        LoginState state{.places = {{place, 1}}};
        state.known.from = place;
        const auto slot = format_slot(state);
        claim(parse_slot({slot.data(), slot.size()}) == state, place);
    }
}

void no_remote_host_is_a_local_place(void**) {
    for (const auto& name : {"local:0", "LOCAL:0", "local:1000"}) {
        claim(!remote_place(name).starts_with("local:"), name);
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_remote_host_its_place),
        cmocka_unit_test(names_the_host_of_a_network),
        cmocka_unit_test(only_an_address_is_a_single_one),
        cmocka_unit_test(takes_a_local_place_by_the_real_user),
        cmocka_unit_test(tells_long_names_apart_that_begin_alike),
        cmocka_unit_test(every_place_is_short_and_plain),
        cmocka_unit_test(every_place_survives_being_stored),
        cmocka_unit_test(no_remote_host_is_a_local_place),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
