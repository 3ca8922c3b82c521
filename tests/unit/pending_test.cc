#include "core/pending.h"

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr UnixTime start = 1'800'000'000;

PendingDevice shown_at(const Place& place) { return {totp_device("phone"), start, place}; }

std::string text_of(const PendingDevice& pending) { return std::string(format_pending(pending).text()); }

void survives_being_written(void**) {
    for (const Place place : {"192.0.2.7", "2001:db8::/64", "local:1000", "%2d"}) {
        const auto read = parse_pending(text_of(shown_at(place)));
        claim(read && read->device == totp_device("phone") && read->shown == start && read->place == place,
              place);
    }
}

void is_shown_again_for_ten_minutes_at_the_same_place(void**) {
    const auto pending = shown_at("192.0.2.7");
    assert_true(may_be_shown_again(pending, "192.0.2.7", start));
    assert_true(may_be_shown_again(pending, "192.0.2.7", start + 599));
    assert_false(may_be_shown_again(pending, "192.0.2.7", start + 600));
    assert_false(may_be_shown_again(pending, "192.0.2.7", start - 1));
    assert_false(may_be_shown_again(pending, "192.0.2.8", start));
}

void nothing_else_is_read(void**) {
    const auto good = text_of(shown_at("192.0.2.7"));
    const auto key = good.substr(0, good.find('\n') + 1);
    const auto recovery = std::string("recovery $y$j75$abc$def\n");
    const std::string wrong[] = {std::string(),
                                 std::string("\n"),
                                 key,
                                 good.substr(0, good.size() - 1),
                                 good + "\n",
                                 key + good,
                                 good.substr(key.size()),
                                 key + "shown 1\n",
                                 key + "shown x 192.0.2.7\n",
                                 key + "shown -1 192.0.2.7\n",
                                 key + "shown  192.0.2.7\n",
                                 key + "seen 1 192.0.2.7\n",
                                 key + "shown 1 \n",
                                 key + "shown 1 a b\n",
                                 recovery + "shown 1 192.0.2.7\n",
                                 "# nothing\nshown 1 192.0.2.7\n",
                                 "\nshown 1 192.0.2.7\n"};
    for (const auto& text : wrong) claim(!parse_pending(text), text);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(survives_being_written),
        cmocka_unit_test(is_shown_again_for_ten_minutes_at_the_same_place),
        cmocka_unit_test(nothing_else_is_read),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
