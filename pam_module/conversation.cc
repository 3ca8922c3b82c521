#include "pam_module/conversation.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include <security/pam_ext.h>

#include "pam_module/cancellation.h"

namespace totp {
namespace {

/// What libpam gives away, which is malloc's.
struct WipesAndFrees {
    void operator()(char* answer) const {
        explicit_bzero(answer, std::strlen(answer));
        std::free(answer);
    }
};

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

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
    char* typed = nullptr;
    const int style = shows_what_is_typed ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF;
    const int code = prompted(pamh, style, typed, prompt.text());
    const std::unique_ptr<char, WipesAndFrees> answer(typed);
    if (!answer || code != PAM_SUCCESS) return std::nullopt;
    return SecretBytes(std::string_view(answer.get()));
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
