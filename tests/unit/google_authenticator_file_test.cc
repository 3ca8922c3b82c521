#include "enroll/foreign/google_authenticator_file.h"

#include "tests/unit/devices.h"
#include "tests/unit/foreign.h"

namespace totp::testing {
namespace {

void reads_every_option_a_file_can_hold(void**) {
    for (const auto& path : vector_files("google_authenticator/good")) {
        const auto [expected, file] = expectation_and_file(path);
        const auto found = description_of(value_of(parse_google_authenticator_file(file), path.c_str()));
        claim(found == expected, path.string() + " | but\n" + found);
    }
}

void refuses_wrong_files_and_says_why(void**) {
    for (const auto& path : vector_files("google_authenticator/bad")) {
        const auto [error, file] = expectation_and_file(path);
        assert_failure(parse_google_authenticator_file(file), Trouble::input,
                       error.substr(0, error.size() - 1));
    }
}

void never_tells_a_secret_or_a_code_in_a_refusal(void**) {
    for (const auto* file : {"OBUG63TFOBUG63T1!\n", "OBUG63TFOBUG63TF\n\" TOTP_AUTH\n12345678x\n"}) {
        const auto refused = parse_google_authenticator_file(file);
        assert_true(!refused && refused.failure().message.english().find("OBUG63") == std::string::npos &&
                    refused.failure().message.english().find("12345678") == std::string::npos);
    }
}

void reads_lines_that_end_as_on_other_systems_and_a_last_one_that_does_not(void**) {
    const auto device =
        value_of(parse_google_authenticator_file("OBUG63TFOBUG63TF\r\n\" TOTP_AUTH\r\n\r\n12345678"));
    assert_int_equal(device.recovery_digits.size(), 1);
}

ForeignDevice read_again(const Device& device, const DeviceState& state) {
    return value_of(parse_google_authenticator_file(
        value_of(format_google_authenticator_file(device.credential, state)).text()));
}

void reads_what_it_wrote(void**) {
    for (const Credential& shape : {Credential{}, Credential{.period = 60}, Credential{.period = 1}}) {
        for (const Counter next : {0, 1, 2, 58'000'000}) {
            for (const int drift : {-20, 0, 7}) {
                const auto phone = device_of("phone", shape);
                const auto again = read_again(phone, {.id = phone.id, .next = next, .drift = drift});
                claim(again.credential == phone.credential && again.next == next && again.drift == drift,
                      std::to_string(shape.period) + " s, " + std::to_string(next));
            }
        }
    }
    const auto token = hotp_device("token", 7);
    const auto again = read_again(token, {.id = token.id, .next = 7});
    assert_true(again.credential == token.credential && again.next == 7);
}

void lists_a_whole_window_of_spent_steps(void**) {
    const auto phone = totp_device("phone");
    const auto text =
        value_of(format_google_authenticator_file(phone.credential, {.id = phone.id, .next = 58'000'003}));
    claim(text.text().find("\" DISALLOW_REUSE 58000000 58000001 58000002\n") != std::string::npos,
          std::string(text.text()));
}

void begins_an_unused_counter_at_1(void**) {
    const auto token = hotp_device("token");
    assert_int_equal(read_again(token, {.id = token.id, .next = 0}).next, 1);
}

void refuses_to_write_what_the_format_cannot_say(void**) {
    for (const Credential& shape :
         {Credential{.digits = 8}, Credential{.algorithm = Algorithm::sha256}, Credential{.period = 61}}) {
        const auto phone = device_of("phone", shape);
        assert_failure(format_google_authenticator_file(phone.credential, {.id = phone.id, .next = 0}),
                       Trouble::input, "can't be written in this format");
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_option_a_file_can_hold),
        cmocka_unit_test(refuses_wrong_files_and_says_why),
        cmocka_unit_test(never_tells_a_secret_or_a_code_in_a_refusal),
        cmocka_unit_test(reads_lines_that_end_as_on_other_systems_and_a_last_one_that_does_not),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(lists_a_whole_window_of_spent_steps),
        cmocka_unit_test(begins_an_unused_counter_at_1),
        cmocka_unit_test(refuses_to_write_what_the_format_cannot_say),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
