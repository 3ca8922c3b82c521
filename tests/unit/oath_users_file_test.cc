#include "enroll/foreign/oath_users_file.h"

#include "tests/unit/devices.h"
#include "tests/unit/foreign.h"

namespace totp::testing {
namespace {

/// A machine whose local time is UTC.
std::optional<UnixTime> from_utc(std::tm moment) { return timegm(&moment); }

std::optional<UnixTime> from_nowhere(std::tm) { return std::nullopt; }

std::tm to_utc(UnixTime time) {
    std::tm moment{};
    gmtime_r(&time, &moment);
    return moment;
}

/// All users of a file, each with its line and what was found or is wrong.
std::string descriptions_of(const std::vector<OathUser>& users) {
    std::string text;
    for (const auto& user : users) {
        text += std::to_string(user.line) + " " + user.name + ": ";
        text += user.device ? description_of(*user.device)
                            : "error " + user.device.failure().message.english() + "\n";
    }
    return text;
}

void reads_each_line_for_itself(void**) {
    for (const auto& path : vector_files("oath_users")) {
        const auto [expected, file] = expectation_and_file(path);
        const auto found = descriptions_of(parse_oath_users_file(file, from_utc));
        claim(found == expected, path.string() + " | but\n" + found);
    }
}

void refuses_a_moment_that_never_was(void**) {
    const auto users = parse_oath_users_file(
        "HOTP/T30 alice - 3031323334353637383930313233343536373839 0 123456 2026-03-29T02:30:00L\n",
        from_nowhere);
    assert_failure(users.at(0).device, Trouble::input, "the time of the last code isn't one");
}

void never_tells_a_secret_in_a_refusal(void**) {
    const auto users = parse_oath_users_file("HOTP alice - c0ffeec0ffeec0ffeg\n", from_utc);
    assert_true(!users.at(0).device &&
                users[0].device.failure().message.english().find("c0ffee") == std::string::npos);
}

constexpr UnixTime now = 1'800'000'000;

ForeignDevice read_again(const Device& device, const DeviceState& state) {
    const auto line = value_of(format_oath_user("alice", device.credential, state, to_utc));
    auto users = parse_oath_users_file(line.text(), from_utc);
    claim(users.size() == 1 && users[0].name == "alice", std::string(line.text()));
    return value_of(std::move(users[0].device));
}

void reads_what_it_wrote_of_time_based_devices(void**) {
    for (const int period : {30, 60}) {
        for (const int digits : {6, 7, 8}) {
            const auto phone = device_of("phone", {.digits = digits, .period = period});
            for (const int drift : {-3, 0, 5}) {
                const auto next = time_step(now, period) + static_cast<Counter>(drift + 1);
                const auto again =
                    read_again(phone, {.id = phone.id, .next = next, .drift = drift, .last_used = now});
                claim(again.credential == phone.credential && again.next == next && again.drift == drift &&
                          again.last_used == now,
                      phone.id);
            }
        }
    }
    const auto phone = totp_device("phone");
    assert_int_equal(read_again(phone, {.id = phone.id, .next = 0}).next, 0);
}

/// Which is so where it confirmed an enrolment, or came from a file that tells no time.
void spends_the_last_step_of_a_device_whose_last_use_is_not_known(void**) {
    const auto phone = totp_device("phone");
    const auto next = time_step(now, 30) + 1;
    assert_int_equal(read_again(phone, {.id = phone.id, .next = next}).next, next);
}

void reads_what_it_wrote_of_tokens(void**) {
    for (const Counter next : {0, 1, 7, 5'000}) {
        const auto token = hotp_device("token", next);
        const auto again = read_again(token, {.id = token.id, .next = next});
        claim(again.credential == token.credential && again.next == next, std::to_string(next));
    }
    const auto used = read_again(hotp_device("token", 3), {.id = "", .next = 9, .last_used = now});
    assert_true(used.next == 9 && used.last_used == now);
}

void refuses_to_write_what_the_format_cannot_say(void**) {
    Credential long_secret = totp_device("phone").credential;
    long_secret.secret = SecretBytes(33);
    for (const Credential& shape : {device_of("a", {.algorithm = Algorithm::sha512}).credential,
                                    device_of("a", {.period = 45}).credential, long_secret}) {
        assert_failure(format_oath_user("alice", shape, {.id = "", .next = 0}, to_utc), Trouble::input,
                       "can't be written in this format");
    }
    const auto phone = totp_device("phone").credential;
    for (const auto* name : {"", "a b", "a\tb", "a\n"}) {
        assert_failure(format_oath_user(name, phone, {.id = "", .next = 0}, to_utc), Trouble::input, "name");
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_line_for_itself),
        cmocka_unit_test(refuses_a_moment_that_never_was),
        cmocka_unit_test(never_tells_a_secret_in_a_refusal),
        cmocka_unit_test(reads_what_it_wrote_of_time_based_devices),
        cmocka_unit_test(spends_the_last_step_of_a_device_whose_last_use_is_not_known),
        cmocka_unit_test(reads_what_it_wrote_of_tokens),
        cmocka_unit_test(refuses_to_write_what_the_format_cannot_say),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
