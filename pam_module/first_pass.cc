#include "pam_module/first_pass.h"

#include <algorithm>
#include <new>

#include <security/pam_ext.h>
#include <syslog.h>

#include "core/one_field.h"
#include "pam_module/conversation.h"
#include "pam_module/request.h"

namespace totp {
namespace {

constexpr std::string_view nobodys_password = "\b\n\r\177INCORRECT";  // as sshd has it

std::string_view first_pass(const pam_handle_t* pamh) { return text_item(pamh, PAM_AUTHTOK); }

/// libpam wipes what it had before it copies: `password` must not be a part of that.
void set_first_pass(pam_handle_t* pamh, std::string_view password) {
    SecretBytes terminated(password);
    terminated.append({"\0", 1});
    if (pam_set_item(pamh, PAM_AUTHTOK, terminated.text().data()) != PAM_SUCCESS) throw std::bad_alloc();
}

}  // namespace

bool ask_for_field(pam_handle_t* pamh, const Settings& settings) {
    if (!settings.forward_pass || settings.use_first_pass) return true;
    if (settings.try_first_pass && ends_like_code(first_pass(pamh))) return true;
    const auto field = ask(pamh, settings.prompt_for_both(), false);
    if (!field) return false;
    set_first_pass(pamh, field->text());
    return true;
}

std::optional<SecretBytes> field_to_split(pam_handle_t* pamh, const Settings& settings) {
    const auto field = first_pass(pamh);
    const bool is_there = settings.forward_pass || (settings.try_first_pass && ends_like_code(field));
    if (!is_there && !settings.use_first_pass) return std::nullopt;
    if (field.empty() && settings.use_first_pass) {
        pam_syslog(pamh, LOG_NOTICE,
                   "use_first_pass finds no password: the line belongs after one that asks for it");
    }
    return SecretBytes(field);
}

bool takes_one_field(std::span<const char* const> arguments) {
    return std::ranges::any_of(arguments, [](std::string_view argument) {
        return argument == "use_first_pass" || argument == "try_first_pass" || argument == "forward_pass";
    });
}

void hand_on(pam_handle_t* pamh, const SecretBytes& field, const Outcome& outcome) {
    if (field.empty() || outcome.reason == Reason::unenrolled || outcome.reason == Reason::unknown_user)
        return;
    set_first_pass(pamh,
                   is_let_in(outcome) ? field.text().substr(0, outcome.password_size) : nobodys_password);
}

}  // namespace totp
