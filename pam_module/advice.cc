#include "pam_module/advice.h"

#include "core/percent.h"
#include "pam_module/outcome.h"

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

/// Whether every code that is right at `now`, by whatever drift, is spent.
bool is_spent_for_now(const Device& device, const LoginState& state, const Policy& policy, UnixTime now) {
    const auto* known = state.device(device.id);
    if (device.credential.type != CredentialType::totp || known == nullptr || !known->next) return false;
    const auto last =
        time_step(now, device.credential.period) + static_cast<Counter>(policy.max_drift + policy.window);
    return *known->next > last;
}

}  // namespace

std::string advice_about_clock(const Enrolment& enrolment, const LoginState& state, const Policy& policy,
                               UnixTime now) {
    for (const auto& device : enrolment.devices) {
        if (!is_spent_for_now(device, state, policy, now)) continue;
        const auto until = static_cast<UnixTime>(*state.device(device.id)->next) * device.credential.period;
        return "codes of the device " + device.name + " are spent until " + moment(until) +
               ": this machine's clock was ahead when it was used, or is behind now; set the clock, and if "
               "it "
               "is right, take the device away and add it again";
    }
    return "";
}

std::string advice_about_digits(Engine engine) {
    const std::string who_cannot_see = engine == Engine::files
                                           ? "a process that isn't root can't see how many the devices show"
                                           : "how many the devices show the database alone knows";
    return "of the digits at the end of the field some may be the password's, and " + who_cannot_see +
           ": a password that ends in digits needs a prompt for the code of its own";
}

std::string advice_for(Reason reason, std::string_view service) {
    if (reason == Reason::password) return about_password(service);
    if (reason == Reason::dummy) return about_dummy(service);
    return "";
}

}  // namespace totp
