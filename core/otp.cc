#include "core/otp.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <variant>

#include "core/openssl.h"

namespace totp {
namespace {

/// As large as the largest hash, SHA-512.
struct Digest {
    std::array<std::uint8_t, SHA512_DIGEST_LENGTH> octets{};
    std::size_t size = 0;
    ~Digest() { explicit_bzero(octets.data(), octets.size()); }
};

std::uint32_t power_of_ten(int exponent) {
    std::uint32_t power = 1;
    while (exponent-- > 0) power *= 10;
    return power;
}

/// RFC 4226 §5.3, "dynamic truncation".
std::uint32_t truncate(const Digest& digest) {
    const std::uint8_t* from = digest.octets.data() + (digest.octets[digest.size - 1] & 15U);
    return (from[0] & 127U) << 24 | from[1] << 16 | from[2] << 8 | from[3];
}

/// What one of OpenSSL's hashes has taken in so far. `State` is its structure.
template <typename State, int (*init)(State*), int (*update)(State*, const void*, std::size_t),
          int (*final)(std::uint8_t*, State*), std::size_t block, std::size_t size>
class Hash {
  public:
    static constexpr std::size_t block_size = block;
    static constexpr std::size_t digest_size = size;

    Hash() { init(&state_); }
    ~Hash() { explicit_bzero(&state_, sizeof state_); }
    Hash(const Hash&) = default;
    Hash& operator=(const Hash&) = delete;

    void take(std::span<const std::uint8_t> octets) { update(&state_, octets.data(), octets.size()); }
    /// Ends it: `digest` has room for digest_size octets.
    void finish(std::uint8_t* digest) { final(digest, &state_); }

  private:
    State state_;
};

using Sha1 = Hash<SHA_CTX, SHA1_Init, SHA1_Update, SHA1_Final, SHA_CBLOCK, SHA_DIGEST_LENGTH>;
using Sha256 =
    Hash<SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final, SHA256_CBLOCK, SHA256_DIGEST_LENGTH>;
using Sha512 =
    Hash<SHA512_CTX, SHA512_Init, SHA512_Update, SHA512_Final, SHA512_CBLOCK, SHA512_DIGEST_LENGTH>;

/// HMAC (RFC 2104) under one key. The key goes into both hashes once; for each message they are continued in
/// copies.
template <typename AnyHash>
class Hmac {
  public:
    explicit Hmac(std::span<const std::uint8_t> key) {
        Block block{};
        if (key.size() <= block.octets.size()) {
            std::ranges::copy(key, block.octets.begin());
        } else {
            AnyHash longer;
            longer.take(key);
            longer.finish(block.octets.data());
        }
        for (auto& octet : block.octets) octet ^= inner_pad;
        inner_.take(block.octets);
        for (auto& octet : block.octets) octet ^= inner_pad ^ outer_pad;
        outer_.take(block.octets);
    }

    Digest digest_of(std::span<const std::uint8_t> message) const {
        Digest digest{.size = AnyHash::digest_size};
        auto inner = inner_;
        inner.take(message);
        inner.finish(digest.octets.data());
        auto outer = outer_;
        outer.take({digest.octets.data(), digest.size});
        outer.finish(digest.octets.data());
        return digest;
    }

  private:
    static constexpr std::uint8_t inner_pad = 0x36;
    static constexpr std::uint8_t outer_pad = 0x5c;
    struct Block {
        std::array<std::uint8_t, AnyHash::block_size> octets{};
        ~Block() { explicit_bzero(octets.data(), octets.size()); }
    };

    AnyHash inner_;
    AnyHash outer_;
};

using AnyHmac = std::variant<Hmac<Sha1>, Hmac<Sha256>, Hmac<Sha512>>;

AnyHmac hmac_under(std::span<const std::uint8_t> key, Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::sha1: return Hmac<Sha1>(key);
        case Algorithm::sha256: return Hmac<Sha256>(key);
        case Algorithm::sha512: return Hmac<Sha512>(key);
    }
    throw std::logic_error("no such hash algorithm");
}

}  // namespace

struct KeyedHash::Context {
    AnyHmac hmac;

    Digest digest_of(std::span<const std::uint8_t> message) const {
        return std::visit([&](const auto& each) { return each.digest_of(message); }, hmac);
    }
};

Counter time_step(UnixTime now, int period) {
    if (now < 0 || period < 1) throw std::logic_error("no time step before 1970");
    return static_cast<Counter>(now / period);
}

KeyedHash::KeyedHash(std::span<const std::uint8_t> key, Algorithm algorithm)
    : context_(new Context{hmac_under(key, algorithm)}) {}

KeyedHash::~KeyedHash() = default;

std::uint32_t KeyedHash::code(Counter counter, int digits) const {
    std::array<std::uint8_t, 8> message;
    for (int i = 7; i >= 0; --i, counter >>= 8) message[i] = static_cast<std::uint8_t>(counter);
    return truncate(context_->digest_of(message)) % power_of_ten(digits);
}

std::array<std::uint8_t, 8> KeyedHash::fingerprint(std::span<const std::uint8_t> message) const {
    std::array<std::uint8_t, 8> first;
    std::copy_n(context_->digest_of(message).octets.begin(), first.size(), first.begin());
    return first;
}

}  // namespace totp
