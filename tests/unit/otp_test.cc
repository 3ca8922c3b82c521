#include "core/otp.h"

#include <stdexcept>

#include "core/credential.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

KeyedHash rfc_4226_hash(Algorithm algorithm = Algorithm::sha1) {
    return {SecretBytes("12345678901234567890").octets(), algorithm};
}

void gives_the_values_of_rfc_4226(void**) {
    for (const auto& row : vector_table("hotp.txt", 4)) {
        const KeyedHash hash(octets_of(row[0]).octets(), Algorithm::sha1);
        const auto code = hash.code(std::stoull(row[1]), std::stoi(row[2]));
        claim(code == std::stoul(row[3]), "counter " + row[1] + " gives " + row[3]);
    }
}

void gives_the_values_of_rfc_6238(void**) {
    for (const auto& row : vector_table("totp.txt", 4)) {
        const KeyedHash hash(octets_of(row[1]).octets(), algorithm_named(row[0]).value());
        const auto code = hash.code(time_step(std::stoll(row[2]), 30), 8);
        claim(code == std::stoul(row[3]), row[0] + " at " + row[2] + " gives " + row[3]);
    }
}

void shorter_codes_are_the_end_of_longer_ones(void**) {
    const auto hash = rfc_4226_hash();
    for (Counter counter = 0; counter < 100; ++counter) {
        const auto longest = hash.code(counter, 8);
        assert_int_equal(hash.code(counter, 7), longest % 10'000'000);
        assert_int_equal(hash.code(counter, 6), longest % 1'000'000);
    }
}

void gives_the_same_code_however_often_and_in_whatever_order(void**) {
    const auto used = rfc_4226_hash();
    for (Counter counter = 10; counter-- > 0;) {
        assert_int_equal(used.code(counter, 6), rfc_4226_hash().code(counter, 6));
    }
}

void time_steps_begin_at_multiples_of_the_period(void**) {
    struct {
        UnixTime now;
        int period;
        Counter step;
    } const table[] = {
        {0, 30, 0},
        {29, 30, 0},
        {30, 30, 1},
        {59, 60, 0},
        {3'599, 3'600, 0},
        {3'600, 3'600, 1},
        {1'800'000'000, 1, 1'800'000'000},
        {2'147'483'648, 30, 71'582'788},    // 2038
        {4'294'967'296, 1, 4'294'967'296},  // 2106
        {99'999'999'999, 30, 3'333'333'333},
    };
    for (const auto& [now, period, step] : table) assert_int_equal(time_step(now, period), step);
}

template <class Call>
bool is_a_bug(Call call) {
    try {
        call();
    } catch (const std::logic_error&) {
        return true;
    }
    return false;
}

void no_time_step_is_before_1970_nor_without_length(void**) {
    assert_true(is_a_bug([] { time_step(-1, 30); }));
    assert_true(is_a_bug([] { time_step(0, 0); }));
}

void fingerprints_tell_keys_algorithms_and_messages_apart(void**) {
    const SecretBytes message("message");
    const auto print = rfc_4226_hash().fingerprint(message.octets());
    const KeyedHash other_key(SecretBytes("12345678901234567891").octets(), Algorithm::sha1);
    assert_true(rfc_4226_hash().fingerprint(message.octets()) == print);
    assert_false(other_key.fingerprint(message.octets()) == print);
    assert_false(rfc_4226_hash(Algorithm::sha256).fingerprint(message.octets()) == print);
    assert_false(rfc_4226_hash().fingerprint(SecretBytes("message.").octets()) == print);
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_values_of_rfc_4226),
        cmocka_unit_test(gives_the_values_of_rfc_6238),
        cmocka_unit_test(shorter_codes_are_the_end_of_longer_ones),
        cmocka_unit_test(gives_the_same_code_however_often_and_in_whatever_order),
        cmocka_unit_test(time_steps_begin_at_multiples_of_the_period),
        cmocka_unit_test(no_time_step_is_before_1970_nor_without_length),
        cmocka_unit_test(fingerprints_tell_keys_algorithms_and_messages_apart),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
