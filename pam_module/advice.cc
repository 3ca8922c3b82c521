#include "pam_module/advice.h"

#include "core/settings_file.h"

namespace totp {
namespace {

constexpr std::string_view sshd = "sshd";

std::string about_password(std::string_view service) {
    const std::string answered =
        "the prompt for a code was answered with the password; if nobody typed it there, ";
    if (service == sshd) {
        return answered +
               "that was sshd's PasswordAuthentication: in sshd_config set PasswordAuthentication no and "
               "KbdInteractiveAuthentication yes";
    }
    return answered + printable(service) +
           " doesn't pass prompts on: use forward_pass, which takes password and code in one";
}

std::string about_dummy(std::string_view service) {
    if (service == sshd) {
        return "sshd answered the prompt for a code itself, as for every user it doesn't let in: in "
               "sshd_config see AllowUsers, DenyUsers, AllowGroups, DenyGroups and PermitRootLogin, and see "
               "that the user's shell is there";
    }
    return "the prompt for a code was answered as sshd does for users it doesn't let in, not by a person";
}

}  // namespace

std::string advice_for(Reason reason, std::string_view service) {
    if (reason == Reason::password) return about_password(service);
    if (reason == Reason::dummy) return about_dummy(service);
    return "";
}

}  // namespace totp
