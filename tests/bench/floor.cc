// pam_floor.so: a login with nothing in it that a login can do without, and no word about what is wrong. What
// a module could cost at the least, no module to log in with.
//
//   state=FILE   held under its lock, read, 2048 bytes of it written and made durable; three HMAC-SHA-1
//   between whole=DIR    also who it is, settings and key read, a record of theirs opened with AES-256-GCM, a
//   line in the log
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

namespace {

constexpr std::size_t slot_size = 2048;
constexpr std::size_t tag_size = 16;

const char* argument(int argc, const char** argv, std::string_view name) {
    for (int i = 0; i < argc; ++i) {
        if (std::string_view(argv[i]).starts_with(name)) return argv[i] + name.size();
    }
    return nullptr;
}

/// How many bytes of the file were read; 0 if it can't be.
std::size_t read_file(int directory, const char* name, unsigned char* octets, std::size_t size) {
    const int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const auto count = read(file, octets, size);
    close(file);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

bool open_record(const unsigned char* key, unsigned char* record, std::size_t size) {
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    unsigned char text[4096];
    int count = 0;
    const bool is_open =
        EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nullptr, key, record) == 1 &&
        EVP_DecryptUpdate(cipher, text, &count, record + 12, static_cast<int>(size - 12 - tag_size)) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, tag_size, record + size - tag_size) == 1 &&
        EVP_DecryptFinal_ex(cipher, text + count, &count) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return is_open;
}

/// Who it is, what was set, and what they enrolled. The record needn't be sealed under this key: to find that
/// out takes as long.
bool find_out(pam_handle_t* pamh, const char* directory) {
    const char* user = nullptr;
    if (pam_get_user(pamh, &user, nullptr) != PAM_SUCCESS || pam_modutil_getpwnam(pamh, user) == nullptr)
        return false;
    const int place = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    unsigned char settings[4096];
    unsigned char key[32];
    unsigned char record[4096];
    const bool is_read = read_file(place, "settings", settings, sizeof settings) > 0 &&
                         read_file(place, "key", key, sizeof key) == sizeof key;
    const auto size = read_file(place, "record", record, sizeof record);
    close(place);
    if (!is_read || size < 64) return false;
    static_cast<void>(open_record(key, record, size));
    return true;
}

bool spend_code(const char* state) {
    constexpr unsigned char key[20] = {};
    unsigned char slots[2 * slot_size];
    unsigned char digest[EVP_MAX_MD_SIZE];
    const int file = open(state, O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    const bool is_held = flock(file, LOCK_EX) == 0 && pread(file, slots, sizeof slots, 0) == sizeof slots;
    for (unsigned char counter = 0; counter < 3; ++counter) {
        const unsigned char message[8] = {counter};
        HMAC(EVP_sha1(), key, sizeof key, message, sizeof message, digest, nullptr);
    }
    const bool is_spent = is_held && pwrite(file, slots, slot_size, 0) == slot_size && fdatasync(file) == 0;
    close(file);
    return is_spent;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int pam_sm_authenticate(pam_handle_t* pamh, int, int argc,
                                                                  const char** argv) {
    const char* whole = argument(argc, argv, "whole=");
    char* code = nullptr;
    if (whole != nullptr && !find_out(pamh, whole)) return PAM_AUTHINFO_UNAVAIL;
    if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &code, "Code: ") != PAM_SUCCESS) return PAM_CONV_ERR;
    free(code);
    if (!spend_code(argument(argc, argv, "state="))) return PAM_AUTHINFO_UNAVAIL;
    if (whole != nullptr) pam_syslog(pamh, LOG_INFO, "let in");
    return PAM_SUCCESS;
}

extern "C" [[gnu::visibility("default")]] int pam_sm_setcred(pam_handle_t*, int, int, const char**) {
    return PAM_SUCCESS;
}
