#include "core/enrolment.h"

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

/// A hash with an id of its own; it needn't belong to any code.
RecoveryHash hash_numbered(int number) {
    auto digits = std::to_string(number);
    digits.insert(0, 43 - digits.size(), 'x');
    return {"$y$j75$salt$" + digits, std::nullopt};
}

Enrolment enrolment_of(std::vector<Device> devices, int recovery_codes = 0) {
    Enrolment enrolment{.devices = std::move(devices)};
    for (int i = 0; i < recovery_codes; ++i) enrolment.recovery.push_back(hash_numbered(i));
    return enrolment;
}

std::vector<Device> devices_numbered(int count) {
    std::vector<Device> devices;
    for (int i = 0; i < count; ++i) devices.push_back(totp_device("device-" + std::to_string(i)));
    return devices;
}

void writes_what_it_read_byte_by_byte(void**) {
    for (const auto& path : vector_files("enrolments/good")) {
        const auto text = content_of(path);
        assert_text(format_enrolment(value_of(parse_enrolment(text))).text(), text);
    }
}

void reads_what_it_wrote(void**) {
    auto enrolment = enrolment_of({totp_device("phone"), hotp_device("key", 7)}, 3);
    enrolment.recovery[1].expires = 1'800'000'000;
    assert_true(value_of(parse_enrolment(format_enrolment(enrolment).text())) == enrolment);
}

void refuses_wrong_enrolments_and_says_why(void**) {
    constexpr std::string_view error = "error: ";
    for (const auto& path : vector_files("enrolments/bad")) {
        const auto text = content_of(path);
        const auto end = text.find('\n');
        claim(text.starts_with(error), path.string() + " names its error");
        assert_failure(parse_enrolment(text.substr(end + 1)), Trouble::store,
                       text.substr(error.size(), end - error.size()));
    }
}

void refuses_a_last_line_that_does_not_end(void**) {
    const std::string text(format_enrolment(enrolment_of({totp_device("phone")}, 1)).text());
    assert_failure(parse_enrolment(text.substr(0, text.size() - 1)), Trouble::store, "no end of line 2");
}

void refuses_an_enrolment_cut_anywhere_inside_a_line(void**) {
    const std::string text(
        format_enrolment(enrolment_of({totp_device("phone"), hotp_device("key")}, 2)).text());
    for (std::size_t size = 0; size < text.size(); ++size) {
        const bool is_whole_line = size > 0 && text[size - 1] == '\n';
        claim(static_cast<bool>(parse_enrolment(text.substr(0, size))) == is_whole_line,
              text.substr(0, size));
    }
}

void never_tells_a_secret_in_a_refusal(void**) {
    const auto text = "\n" + std::string(format_enrolment(enrolment_of({totp_device("phone")})).text());
    const auto refused = parse_enrolment(text + "otpauth://totp/phone?secret=OBUG63TFOBUG63TF&digits=0\n");
    assert_true(!refused && refused.failure().message.english().find("OBUG63TF") == std::string::npos);
}

void tells_device_names_from_other_texts(void**) {
    for (const auto& name : {std::string("phone"), std::string("a"), std::string("7"),
                             std::string("Yubi_Key-5.nano"), std::string(32, 'a'), std::string("Recovery")}) {
        claim(is_device_name(name), name);
    }
    for (const auto& name : {std::string(), std::string(33, 'a'), std::string(".a"), std::string("-a"),
                             std::string("_a"), std::string("a b"), std::string("a/b"), std::string("a\n"),
                             std::string("\xC3\xA4"), std::string("a,b"), std::string("recovery")}) {
        claim(!is_device_name(name), name);
    }
}

void finds_devices_by_name(void**) {
    const auto enrolment = enrolment_of({totp_device("phone"), totp_device("tablet")});
    assert_ptr_equal(enrolment.device_named("tablet"), &enrolment.devices[1]);
    assert_null(enrolment.device_named("Tablet"));
}

void names_each_contradiction(void**) {
    const auto twin = Device("twin", totp_device("phone").credential);
    const auto renamed = Device("phone", totp_device("tablet").credential);
    auto same_codes = enrolment_of({totp_device("phone")}, 2);
    same_codes.recovery[1] = same_codes.recovery[0];
    const std::pair<Enrolment, std::string> table[] = {
        {enrolment_of({}), "no device"},
        {enrolment_of(devices_numbered(9)), "more than 8 devices"},
        {enrolment_of({totp_device("phone")}, 33), "more than 32 recovery codes"},
        {enrolment_of({totp_device("phone"), renamed}), "two devices named phone"},
        {enrolment_of({totp_device("phone"), twin}), "two devices with one secret"},
        {same_codes, "two recovery codes that are the same"},
    };
    for (const auto& [enrolment, what] : table)
        assert_text(contradiction_in(enrolment).value().english(), what);
}

void finds_no_contradiction_in_the_fullest_enrolment(void**) {
    assert_false(contradiction_in(enrolment_of(devices_numbered(8), 32)).has_value());
}

/// Each is refused when it is read, so it must not be written either.
void finds_a_contradiction_in_whatever_could_not_be_read_again(void**) {
    auto weak_hash = enrolment_of({totp_device("phone")}, 1);
    weak_hash.recovery[0].hash = "$6$salt$" + std::string(86, 'x');
    const std::pair<Enrolment, std::string> table[] = {
        {enrolment_of({totp_device("my phone")}), "a device's name with a blank"},
        {enrolment_of({totp_device("recovery")}), "a device named as recovery codes are"},
        {weak_hash, "a hash that isn't yescrypt"},
    };
    for (const auto& [enrolment, what] : table) {
        claim(!parse_enrolment(format_enrolment(enrolment).text()), what + " can't be read");
        claim(contradiction_in(enrolment).has_value(), what + " must not be written");
    }
}

/// Else a code spent on one of them would open the door once more as the other's.
void finds_a_contradiction_in_one_secret_used_twice(void**) {
    for (const Credential& shape :
         {Credential{.digits = 8}, Credential{.period = 60}, Credential{.type = CredentialType::hotp}}) {
        auto other = shape;
        other.secret = secret_named("phone");
        const auto enrolment = enrolment_of({totp_device("phone"), Device("other", other)});
        claim(contradiction_in(enrolment).has_value(), std::string(name_of(shape.type)) + " " +
                                                           std::to_string(shape.digits) + " " +
                                                           std::to_string(shape.period));
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_read_byte_by_byte),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(refuses_wrong_enrolments_and_says_why),
        cmocka_unit_test(refuses_a_last_line_that_does_not_end),
        cmocka_unit_test(refuses_an_enrolment_cut_anywhere_inside_a_line),
        cmocka_unit_test(never_tells_a_secret_in_a_refusal),
        cmocka_unit_test(tells_device_names_from_other_texts),
        cmocka_unit_test(finds_devices_by_name),
        cmocka_unit_test(names_each_contradiction),
        cmocka_unit_test(finds_no_contradiction_in_the_fullest_enrolment),
        cmocka_unit_test(finds_a_contradiction_in_whatever_could_not_be_read_again),
        cmocka_unit_test(finds_a_contradiction_in_one_secret_used_twice),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
