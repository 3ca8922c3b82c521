// As sshd has used OpenSSL by the time it asks for a code: its settings are read, it has drawn random bytes,
// hashed, and encrypts with chacha20-poly1305, of which OpenSSL has the ChaCha20.
#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "tests/bench/host.h"

namespace {

void require(bool went_well) {
    if (!went_well) std::abort();
}

}  // namespace

void prepare_host() {
    unsigned char octets[64] = {};
    unsigned char digest[EVP_MAX_MD_SIZE];
    int size = 0;
    require(OPENSSL_init_crypto(
                OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CONFIG,
                nullptr) == 1);
    require(RAND_bytes(octets, sizeof octets) == 1);
    require(EVP_Digest(octets, sizeof octets, digest, nullptr, EVP_sha256(), nullptr) == 1);
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    require(EVP_CipherInit_ex(cipher, EVP_chacha20(), nullptr, digest, octets, 1) == 1 &&
            EVP_CipherUpdate(cipher, octets, &size, octets, sizeof octets) == 1);
    EVP_CIPHER_CTX_free(cipher);
}
