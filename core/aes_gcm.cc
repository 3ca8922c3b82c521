#include "core/aes_gcm.h"

#include <memory>
#include <new>

#include "core/openssl.h"

namespace totp {
namespace {

constexpr std::size_t tag_size = 16;

/// Under one key, for one nonce and what is bound to it.
class Cipher {
  public:
    Cipher(const SecretBytes& key, std::span<const std::uint8_t> nonce, std::string_view bound_to) {
        AES_set_encrypt_key(key.data(), aes_key_size * 8, &schedule_);
        const auto encrypt_block = reinterpret_cast<block128_f>(&AES_encrypt);
        counter_mode_.reset(CRYPTO_gcm128_new(&schedule_, encrypt_block));
        if (counter_mode_ == nullptr) throw std::bad_alloc();
        CRYPTO_gcm128_setiv(counter_mode_.get(), nonce.data(), nonce.size());
        CRYPTO_gcm128_aad(counter_mode_.get(), reinterpret_cast<const std::uint8_t*>(bound_to.data()),
                          bound_to.size());
    }
    ~Cipher() { explicit_bzero(&schedule_, sizeof schedule_); }
    Cipher(const Cipher&) = delete;
    Cipher& operator=(const Cipher&) = delete;

    void encrypt(const SecretBytes& plaintext, std::uint8_t* ciphertext) {
        CRYPTO_gcm128_encrypt(counter_mode_.get(), plaintext.data(), ciphertext, plaintext.size());
    }
    void put_tag(std::uint8_t* tag) { CRYPTO_gcm128_tag(counter_mode_.get(), tag, tag_size); }

    SecretBytes decrypt(std::span<const std::uint8_t> ciphertext) {
        SecretBytes plaintext(ciphertext.size());
        CRYPTO_gcm128_decrypt(counter_mode_.get(), ciphertext.data(), plaintext.data(), plaintext.size());
        return plaintext;
    }
    /// Compares in constant time.
    bool has_tag(std::span<const std::uint8_t> tag) {
        return CRYPTO_gcm128_finish(counter_mode_.get(), tag.data(), tag.size()) == 0;
    }

  private:
    struct Release {
        void operator()(GCM128_CONTEXT* context) const { CRYPTO_gcm128_release(context); }  // wipes it
    };
    AES_KEY schedule_;
    std::unique_ptr<GCM128_CONTEXT, Release> counter_mode_;
};

}  // namespace

SecretBytes encrypt(const SecretBytes& key, const SecretBytes& nonce, std::string_view bound_to,
                    const SecretBytes& plaintext) {
    Cipher cipher(key, nonce.octets(), bound_to);
    SecretBytes box(nonce.octets());
    box.resize(gcm_nonce_size + plaintext.size() + tag_size);
    auto* const ciphertext = box.data() + gcm_nonce_size;
    cipher.encrypt(plaintext, ciphertext);
    cipher.put_tag(ciphertext + plaintext.size());
    return box;
}

std::optional<SecretBytes> decrypt(const SecretBytes& key, std::span<const std::uint8_t> box,
                                   std::string_view bound_to) {
    if (box.size() < gcm_nonce_size + tag_size) return std::nullopt;
    Cipher cipher(key, box.first(gcm_nonce_size), bound_to);
    auto plaintext = cipher.decrypt(box.subspan(gcm_nonce_size, box.size() - gcm_nonce_size - tag_size));
    if (!cipher.has_tag(box.last(tag_size))) return std::nullopt;
    return plaintext;
}

}  // namespace totp
