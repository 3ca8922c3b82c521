// Only what was sealed is unsealed: for the same user, under the same key, with not a bit changed.
#include <unistd.h>

#include "core/seal.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/temporary_directory.h"

namespace {

totp::HostKey key_of(std::string_view octets) {
    const auto file = temporary_directory() / "key";
    write_file(file, octets);
    auto key = totp::HostKey::read(file, geteuid());
    promise(static_cast<bool>(key));
    return *std::move(key);
}

const totp::HostKey& host_key() {
    static const auto key = key_of("0123456789abcdef0123456789abcdef");
    return key;
}

const totp::HostKey& another_hosts_key() {
    static const auto key = key_of("0123456789abcdef0123456789abcdeF");
    return key;
}

/// The one seed that is sealed, and whatever made of it still opens.
void open_as_it_is(std::string_view text) {
    if (!host_key().unseal("alice", text)) return;
    promise(!host_key().unseal("bob", text));
    promise(!another_hosts_key().unseal("alice", text));
    promise(text.ends_with("\n") && !host_key().unseal("alice", text.substr(0, text.size() - 1)));
    promise(!host_key().unseal("alice", std::string(text) + "\n"));
}

/// Its first two bytes say which bit is changed.
void seal_and_open(std::string_view text) {
    const totp::SecretBytes plaintext(text);
    const auto sealed = host_key().seal("alice", plaintext);
    promise(static_cast<bool>(sealed));
    const auto opened = host_key().unseal("alice", *sealed);
    promise(opened && *opened == plaintext);
    promise(!host_key().unseal("alicE", *sealed) && !another_hosts_key().unseal("alice", *sealed));
    if (text.size() < 2) return;
    const auto bit = static_cast<std::size_t>(static_cast<unsigned char>(text[0])) << 8 |
                     static_cast<unsigned char>(text[1]);
    auto changed = *sealed;
    changed[bit / 8 % changed.size()] ^= static_cast<char>(1 << bit % 8);
    promise(!host_key().unseal("alice", changed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    open_as_it_is(as_text(data, size));
    seal_and_open(as_text(data, size));
    return 0;
}
