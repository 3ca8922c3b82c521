#include "pam_module/conversation.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include <security/pam_ext.h>

#include "pam_module/cancellation.h"

namespace totp {
namespace {

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

/// `answer` is malloc's.
int prompted(pam_handle_t* pamh, int style, char*& answer, std::string_view prompt) {
    const HostsTurn turn(pamh);
    return pam_prompt(pamh, style, &answer, "%.*s", length_of(prompt), prompt.data());
}

}  // namespace

int get_user(pam_handle_t* pamh, const char*& user) {
    const HostsTurn turn(pamh);
    return pam_get_user(pamh, &user, nullptr);
}

std::optional<SecretBytes> ask(pam_handle_t* pamh, const Sentence& prompt, bool shows_what_is_typed) {
    return ask(pamh, SecretBytes(prompt.translated()), shows_what_is_typed);
}

std::optional<SecretBytes> ask(pam_handle_t* pamh, const SecretBytes& prompt, bool shows_what_is_typed) {
    char* answer = nullptr;
    const int style = shows_what_is_typed ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF;
    const int code = prompted(pamh, style, answer, prompt.text());
    if (answer == nullptr) return std::nullopt;
    std::optional<SecretBytes> response;
    if (code == PAM_SUCCESS) response.emplace(std::string_view(answer));
    explicit_bzero(answer, std::strlen(answer));
    std::free(answer);
    return response;
}

void tell_error(pam_handle_t* pamh, const Sentence& message) {
    const auto text = message.translated();
    const HostsTurn turn(pamh);
    static_cast<void>(pam_error(pamh, "%s", text.c_str()));
}

void tell(pam_handle_t* pamh, const Sentence& message) {
    const auto text = message.translated();
    const HostsTurn turn(pamh);
    static_cast<void>(pam_info(pamh, "%s", text.c_str()));
}

}  // namespace totp
