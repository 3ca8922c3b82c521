// Comparisons of secrets take no branch on them. valgrind is told that the secret's bytes are undefined, and
// counts each branch and each address that depends on undefined bytes; what comes out may be known again.
#include <string>

#include <unistd.h>
#include <valgrind/memcheck.h>

#include "core/secret_bytes.h"
#include "core/verifier.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {
namespace {

template <class T>
void hide(T* bytes, std::size_t count) {
    VALGRIND_MAKE_MEM_UNDEFINED(bytes, count * sizeof(T));
}

template <class T>
T shown(T value) {
    VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
    return value;
}

/// Fails if a branch was taken on what is hidden since `before`.
void claim_no_branch_since(unsigned before) {
    claim(VALGRIND_COUNT_ERRORS == before, "no branch depends on the secret");
}

void valgrind_sees_a_branch_on_a_secret(void**) {
    const auto before = VALGRIND_COUNT_ERRORS;
    std::string secret = "correct horse";
    hide(secret.data(), secret.size());
    volatile int branches_taken = 0;
    if (secret[0] == 'c') branches_taken = branches_taken + 1;
    claim(VALGRIND_COUNT_ERRORS == before + 1, "else this test would tell nothing");
}

void texts_are_compared_without_a_branch(void**) {
    for (const std::string other : {"correct horse", "corrupt horse", "Correct horse", "correct horsf"}) {
        std::string secret = "correct horse";
        hide(secret.data(), secret.size());
        const auto before = VALGRIND_COUNT_ERRORS;
        const bool is_equal = shown(equal_in_constant_time(secret, other));
        claim_no_branch_since(before);
        claim(is_equal == (other == "correct horse"), other);
    }
}

/// The offered code stands for the right ones: only the comparison has both.
void codes_are_compared_without_a_branch(void**) {
    const auto device = totp_device("phone");
    const auto& credential = device.credential;
    for (const Counter counter : {100, 99, 101, 98, 110, 200}) {
        auto offered = static_cast<std::uint32_t>(std::stoul(code_at(credential, counter)));
        const KeyedHash hash(credential.secret.octets(), credential.algorithm);
        hide(&offered, 1);
        const auto before = VALGRIND_COUNT_ERRORS;
        auto match = match_code(hash, 6, offered, {99, 101}, {80, 120}, 100);
        claim_no_branch_since(before);
        VALGRIND_MAKE_MEM_DEFINED(&match, sizeof match);
        claim(match.fresh.has_value() == (counter == 100 || counter == 101), std::to_string(counter));
        claim(match.is_replayed == (counter == 99), std::to_string(counter));
        claim(match.near_miss.has_value() == (counter == 110), std::to_string(counter));
    }
}

}  // namespace
}  // namespace totp::testing

/// Runs itself anew under valgrind.
int main(int, char* arguments[]) {
    using namespace totp::testing;
    if (RUNNING_ON_VALGRIND == 0) {
        execlp("valgrind", "valgrind", "--quiet", arguments[0], nullptr);
        return 1;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(valgrind_sees_a_branch_on_a_secret),
        cmocka_unit_test(texts_are_compared_without_a_branch),
        cmocka_unit_test(codes_are_compared_without_a_branch),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
