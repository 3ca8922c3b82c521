#include "core/base32.h"

#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

std::string unpadded(std::string text) {
    text.erase(std::min(text.find('='), text.size()));
    return text;
}

void encodes_as_rfc_4648_without_the_padding(void**) {
    for (const auto& row : vector_table("base32.txt", 2)) {
        assert_text(base32_encode(SecretBytes(row[0]).octets()).text(), unpadded(row[1]));
    }
}

void decodes_as_rfc_4648(void**) {
    for (const auto& row : vector_table("base32.txt", 2)) {
        const auto octets = base32_decode(row[1]);
        claim(octets && octets->text() == row[0], row[1] + " is " + row[0]);
    }
}

void reads_what_people_type(void**) {
    for (const auto& row : vector_table("base32_typed.txt", 2)) {
        claim(base32_decode(row[0]) == octets_of(row[1]), row[0] + " is " + row[1]);
    }
}

void refuses_what_is_not_base_32(void**) {
    for (const auto& line : vector_lines("base32_refused.txt")) {
        claim(!base32_decode(line), line + " is refused");
    }
}

void gives_back_every_octet_at_every_length(void**) {
    SecretBytes octets;
    for (int i = 0; i < 256; ++i) {
        claim(base32_decode(base32_encode(octets.octets()).text()) == octets, std::to_string(i) + " octets");
        const char next = static_cast<char>(255 - i);
        octets.append({&next, 1});
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(encodes_as_rfc_4648_without_the_padding),
        cmocka_unit_test(decodes_as_rfc_4648),
        cmocka_unit_test(reads_what_people_type),
        cmocka_unit_test(refuses_what_is_not_base_32),
        cmocka_unit_test(gives_back_every_octet_at_every_length),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
