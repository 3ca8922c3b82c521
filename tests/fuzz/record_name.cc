// Whatever an account is called, its records have a name of their own that stays in their directory.
#include "core/percent.h"
#include "core/store.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto user = as_text(data, size);
    const auto name = totp::record_name(user);
    if (!name) {
        promise(user.empty() || user.size() > 255 / 3);
        return 0;
    }
    promise(!name->empty() && name->size() <= 255);
    promise(!name->starts_with('.'));  // so neither "." nor "..", nor what is still being written
    promise(name->find_first_of(std::string_view("/\0\n ", 4)) == std::string::npos);
    const auto back = totp::percent_decode(*name);  // so two accounts never share a name
    promise(back && back->text() == user);
    return 0;
}
