#include "pam_module/conversation.h"

#include <cstdlib>
#include <cstring>

#include <security/pam_ext.h>

namespace totp {
namespace {

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

std::optional<SecretBytes> ask(pam_handle_t* pamh, std::string_view prompt, bool shows_what_is_typed) {
    char* answer = nullptr;
    const int style = shows_what_is_typed ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF;
    const int code = pam_prompt(pamh, style, &answer, "%.*s", length_of(prompt), prompt.data());
    if (answer == nullptr) return std::nullopt;
    std::optional<SecretBytes> response;
    if (code == PAM_SUCCESS) response.emplace(std::string_view(answer));
    explicit_bzero(answer, std::strlen(answer));
    std::free(answer);
    return response;
}

void tell_error(pam_handle_t* pamh, std::string_view message) {
    static_cast<void>(pam_error(pamh, "%.*s", length_of(message), message.data()));
}

void tell(pam_handle_t* pamh, std::string_view message) {
    static_cast<void>(pam_info(pamh, "%.*s", length_of(message), message.data()));
}

}  // namespace totp
