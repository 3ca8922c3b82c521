#include "core/credential.h"

#include <set>

#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

constexpr std::string_view secret = "secret=GEZDGNBVGY3TQOJQ";

KeyUri key_of(std::string_view uri) { return value_of(parse_key_uri(uri)); }

void writes_each_key_uri_it_reads_in_one_form(void**) {
    for (const auto& row : vector_table("key_uris_good.txt", 2)) {
        assert_text(format_key_uri(key_of(row[0])).text(), row[1]);
        assert_text(format_key_uri(key_of(row[1])).text(), row[1]);
    }
}

void refuses_wrong_key_uris_and_says_why(void**) {
    for (const auto& row : vector_table("key_uris_bad.txt", 2)) {
        assert_failure(parse_key_uri(row[0]), Trouble::input, row[1]);
    }
}

void never_tells_the_secret_in_a_refusal(void**) {
    for (const auto& row : vector_table("key_uris_bad.txt", 2)) {
        const auto result = parse_key_uri(row[0]);
        claim(!result && result.failure().message.english().find("JBSWY3DP") == std::string::npos, row[0]);
    }
}

void reads_every_parameter(void**) {
    const auto key = key_of(
        "otpauth://totp/Bank:phone?secret=GEZDGNBVGY3TQOJQ&issuer=Bank&algorithm=SHA512&digits=8&period=45");
    const Credential expected{.algorithm = Algorithm::sha512,
                              .digits = 8,
                              .period = 45,
                              .secret = SecretBytes(std::string_view("1234567890"))};
    assert_true(key.credential == expected);
    assert_text(key.issuer, "Bank");
    assert_text(key.label, "phone");
}

void takes_the_defaults_of_the_format_for_what_is_absent(void**) {
    const auto credential = key_of("otpauth://totp/a?" + std::string(secret)).credential;
    assert_true(credential.type == CredentialType::totp && credential.algorithm == Algorithm::sha1);
    assert_int_equal(credential.digits, 6);
    assert_int_equal(credential.period, 30);
}

void reads_a_counter(void**) {
    const auto credential = key_of("otpauth://hotp/a?counter=42&" + std::string(secret)).credential;
    assert_true(credential.type == CredentialType::hotp);
    assert_int_equal(credential.counter, 42);
}

/// Every credential of this shape that there can be, with one secret.
std::vector<Credential> all_shapes() {
    std::vector<Credential> shapes;
    for (const auto algorithm : {Algorithm::sha1, Algorithm::sha256, Algorithm::sha512}) {
        for (const int digits : {6, 7, 8}) {
            for (const int period : {1, 30, 60, 3'600}) {
                shapes.push_back({.algorithm = algorithm, .digits = digits, .period = period});
            }
            shapes.push_back({.type = CredentialType::hotp, .algorithm = algorithm, .digits = digits});
        }
    }
    for (auto& shape : shapes) shape.secret = secret_named("shape");
    return shapes;
}

void reads_back_what_it_wrote(void**) {
    for (const auto& credential : all_shapes()) {
        const auto uri = format_key_uri({credential, "Caf\xC3\xA9 & Co #1", "a/b?c=d%e f"});
        const auto key = key_of(uri.text());
        claim(key.credential == credential, std::string(uri.text()));
    }
}

void reads_back_issuer_and_label_of_any_characters(void**) {
    const auto uri = format_key_uri({totp_device("phone").credential, "Caf\xC3\xA9 & Co #1", "a/b?c=d%e f"});
    assert_text(key_of(uri.text()).issuer, "Caf\xC3\xA9 & Co #1");
    assert_text(key_of(uri.text()).label, "a/b?c=d%e f");
}

void gives_devices_that_differ_in_any_way_different_ids(void**) {
    std::set<std::string> ids;
    for (const auto& credential : all_shapes()) {
        claim(ids.insert(device_id(credential)).second, "an id of its own");
    }
    assert_true(ids.insert(totp_device("another secret").id).second);
}

void gives_a_device_the_same_id_whatever_its_name_and_counter(void**) {
    auto renamed = device_of("key", {.type = CredentialType::hotp, .counter = 9}).credential;
    assert_text(device_id(renamed), hotp_device("key", 0).id);
    assert_text(Device("other name", renamed).id, hotp_device("key", 0).id);
}

void gives_ids_of_16_hexadecimal_digits(void**) {
    const auto id = totp_device("phone").id;
    assert_int_equal(id.size(), 16);
    assert_true(id.find_first_not_of("0123456789abcdef") == std::string::npos);
}

void recommends_secrets_as_long_as_the_hash(void**) {
    assert_int_equal(recommended_secret_size(Algorithm::sha1), 20);
    assert_int_equal(recommended_secret_size(Algorithm::sha256), 32);
    assert_int_equal(recommended_secret_size(Algorithm::sha512), 64);
    assert_int_equal(minimum_new_secret, 16);
}

/// Apps take what the format's defaults are for granted; the shorter the URI, the larger the QR code's
/// modules.
void leaves_out_defaults_where_that_is_asked_for_and_nothing_else(void**) {
    const auto parameters_after_secret = [](const Credential& credential) {
        const auto uri = format_key_uri({credential, "", "phone"}, UriParameters::not_default);
        const std::string text(uri.text());
        return text.substr(std::min(text.find('&'), text.size()));
    };
    assert_text(parameters_after_secret(device_of("phone", {}).credential), "");
    const auto odd = device_of("phone", {.algorithm = Algorithm::sha256, .digits = 8, .period = 60});
    assert_text(parameters_after_secret(odd.credential), "&algorithm=SHA256&digits=8&period=60");
    assert_text(parameters_after_secret(hotp_device("key", 7).credential), "&counter=7");
}

void says_the_parameters_for_typing_by_hand(void**) {
    assert_text(parameters_of(totp_device("phone").credential).english(), "time-based, SHA1, 6 digits, 30 s");
    assert_text(parameters_of(hotp_device("key").credential).english(), "counter-based, SHA1, 6 digits");
}

void knows_each_algorithm_by_its_name_in_any_case(void**) {
    for (const auto algorithm : {Algorithm::sha1, Algorithm::sha256, Algorithm::sha512}) {
        assert_true(algorithm_named(name_of(algorithm)) == algorithm);
    }
    assert_true(algorithm_named("sHa512") == Algorithm::sha512);
    for (const auto name : {"", "SHA", "SHA11", "MD5", "SHA-1"}) claim(!algorithm_named(name), name);
}

void passes_over_what_means_nothing_for_the_type(void**) {
    for (const auto& [with, without] : {std::pair("totp/a?counter=7&", "totp/a?"),
                                        std::pair("hotp/a?counter=0&period=60&", "hotp/a?counter=0&")}) {
        const auto credential = [](const std::string& start) {
            return key_of("otpauth://" + start + std::string(secret)).credential;
        };
        claim(credential(with) == credential(without), with);
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_key_uri_it_reads_in_one_form),
        cmocka_unit_test(refuses_wrong_key_uris_and_says_why),
        cmocka_unit_test(never_tells_the_secret_in_a_refusal),
        cmocka_unit_test(reads_every_parameter),
        cmocka_unit_test(takes_the_defaults_of_the_format_for_what_is_absent),
        cmocka_unit_test(reads_a_counter),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(reads_back_issuer_and_label_of_any_characters),
        cmocka_unit_test(gives_devices_that_differ_in_any_way_different_ids),
        cmocka_unit_test(gives_a_device_the_same_id_whatever_its_name_and_counter),
        cmocka_unit_test(gives_ids_of_16_hexadecimal_digits),
        cmocka_unit_test(recommends_secrets_as_long_as_the_hash),
        cmocka_unit_test(leaves_out_defaults_where_that_is_asked_for_and_nothing_else),
        cmocka_unit_test(says_the_parameters_for_typing_by_hand),
        cmocka_unit_test(knows_each_algorithm_by_its_name_in_any_case),
        cmocka_unit_test(passes_over_what_means_nothing_for_the_type),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
