#include "core/base64.h"

#include "core/openssl.h"

namespace totp {

std::string base64_encode(const SecretBytes& octets) {
    std::string text(4 * ((octets.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets.data(),
                                     static_cast<int>(octets.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<SecretBytes> base64_decode(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    SecretBytes octets(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(octets.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    octets.resize(static_cast<std::size_t>(size) - padding);
    if (base64_encode(octets) != text) return std::nullopt;  // OpenSSL takes others too
    return octets;
}

}  // namespace totp
