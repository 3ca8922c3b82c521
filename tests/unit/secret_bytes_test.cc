#include "core/secret_bytes.h"

#include <new>

#include <malloc.h>

#include "tests/unit/testing.h"

// ---- every block that is given back passes here, so that a case can see what was left in it

namespace {

constexpr unsigned char mark = 0xA7;  // what the secrets of this test are made of

int blocks_with_marks = 0;

void give_back(void* block) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(block);
    if (block != nullptr && std::count(bytes, bytes + malloc_usable_size(block), mark) >= 8)
        ++blocks_with_marks;
    std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
    if (void* block = std::calloc(1, size)) return block;
    throw std::bad_alloc();
}
void operator delete(void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }

namespace totp::testing {
namespace {

const std::string marks(100, static_cast<char>(mark));

/// How many blocks were given back with a secret in them while `act` ran.
template <class Act>
int unwiped_blocks(Act act) {
    blocks_with_marks = 0;
    act();
    return blocks_with_marks;
}

void this_test_notices_a_secret_that_is_left(void**) {
    assert_int_equal(unwiped_blocks([] { std::vector<char> left(marks.begin(), marks.end()); }), 1);
}

void leaves_nothing_when_it_goes(void**) {
    assert_int_equal(unwiped_blocks([] { SecretBytes secret{std::string_view(marks)}; }), 0);
}

void leaves_nothing_in_blocks_it_outgrew(void**) {
    const auto grow = [] {
        SecretBytes secret;
        for (int i = 0; i < 50; ++i) secret.append(marks);
    };
    assert_int_equal(unwiped_blocks(grow), 0);
}

void leaves_nothing_when_it_shrank_before(void**) {
    const auto shrink = [] {
        SecretBytes secret{std::string_view(marks)};
        secret.resize(1);
    };
    assert_int_equal(unwiped_blocks(shrink), 0);
}

void leaves_nothing_when_it_is_replaced(void**) {
    const auto replace = [] {
        SecretBytes secret{std::string_view(marks)};
        SecretBytes copy = secret;
        secret = SecretBytes(std::string_view("another"));
        copy = std::move(secret);
    };
    assert_int_equal(unwiped_blocks(replace), 0);
}

void holds_what_was_put_into_it(void**) {
    SecretBytes secret("ab");
    secret.append({"\0c", 2});
    assert_int_equal(secret.size(), 4);
    assert_memory_equal(secret.data(), "ab\0c", 4);
    assert_true(secret == SecretBytes(std::string_view("ab\0c", 4)));
    assert_false(secret == SecretBytes("ab"));
}

void tells_texts_apart_that_differ_anywhere(void**) {
    const std::string text = "0123456789";
    assert_true(equal_in_constant_time(text, "0123456789"));
    assert_true(equal_in_constant_time("", ""));
    assert_false(equal_in_constant_time(text, "012345678"));
    assert_false(equal_in_constant_time("", text));
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto other = text;
        other[i] = static_cast<char>(other[i] ^ 0x80);
        claim(!equal_in_constant_time(text, other), "at " + std::to_string(i));
    }
}

}  // namespace
}  // namespace totp::testing

int main() {
    using namespace totp::testing;
    const CMUnitTest tests[] = {
        cmocka_unit_test(this_test_notices_a_secret_that_is_left),
        cmocka_unit_test(leaves_nothing_when_it_goes),
        cmocka_unit_test(leaves_nothing_in_blocks_it_outgrew),
        cmocka_unit_test(leaves_nothing_when_it_shrank_before),
        cmocka_unit_test(leaves_nothing_when_it_is_replaced),
        cmocka_unit_test(holds_what_was_put_into_it),
        cmocka_unit_test(tells_texts_apart_that_differ_anywhere),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
