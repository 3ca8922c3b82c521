#include "core/otp.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "core/openssl.h"

namespace totp {
namespace {

/// As large as the largest hash, SHA-512.
struct Digest {
    std::array<std::uint8_t, 64> octets;
    std::size_t size = 0;
    ~Digest() { explicit_bzero(octets.data(), octets.size()); }
};

const char* digest_name(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::sha1: return "SHA1";
        case Algorithm::sha256: return "SHA256";
        case Algorithm::sha512: return "SHA512";
    }
    throw std::logic_error("no such hash algorithm");
}

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

void require(bool went_well) { require_openssl(went_well, "an HMAC"); }

}  // namespace

struct KeyedHash::Context {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* keyed = mac != nullptr ? EVP_MAC_CTX_new(mac) : nullptr;

    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() {
        EVP_MAC_CTX_free(keyed);
        EVP_MAC_free(mac);
    }

    Digest digest_of(std::span<const std::uint8_t> message) const {
        const OpensslErrors errors;
        Digest digest;
        require(EVP_MAC_init(keyed, nullptr, 0, nullptr) == 1 &&
                EVP_MAC_update(keyed, message.data(), message.size()) == 1 &&
                EVP_MAC_final(keyed, digest.octets.data(), &digest.size, digest.octets.size()) == 1);
        return digest;
    }
};

Counter time_step(UnixTime now, int period) {
    if (now < 0 || period < 1) throw std::logic_error("no time step before 1970");
    return static_cast<Counter>(now / period);
}

KeyedHash::KeyedHash(std::span<const std::uint8_t> key, Algorithm algorithm)
    : context_([] {
          const OpensslErrors errors;
          return std::make_unique<Context>();
      }()) {
    const OpensslErrors errors;
    require(context_->keyed != nullptr);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest_name(algorithm)), 0),
        OSSL_PARAM_construct_end()};
    require(EVP_MAC_init(context_->keyed, key.data(), key.size(), parameters) == 1);
}

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
