#include "enroll/doctor/known_modules.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include <security/pam_appl.h>

namespace totp {
namespace {

Codes only(std::initializer_list<int> codes) {
    Codes set;
    for (const int code : codes) set.set(static_cast<std::size_t>(code));
    return set;
}

/// They decide by rules, not by anything a person proves.
constexpr std::string_view conditions[] = {
    "pam_access.so",         "pam_exec.so",     "pam_group.so",  "pam_listfile.so",   "pam_localuser.so",
    "pam_nologin.so",        "pam_rhosts.so",   "pam_rootok.so", "pam_script.so",     "pam_securetty.so",
    "pam_selinux_permit.so", "pam_sepermit.so", "pam_shells.so", "pam_succeed_if.so", "pam_time.so",
    "pam_usertype.so",       "pam_wheel.so"};

/// They do something beside: their success proves nothing.
constexpr std::string_view helpers[] = {
    "pam_cap.so",      "pam_ck_connector.so", "pam_debug.so",     "pam_deny.so",          "pam_echo.so",
    "pam_ecryptfs.so", "pam_elogind.so",      "pam_env.so",       "pam_faildelay.so",     "pam_faillock.so",
    "pam_filter.so",   "pam_ftp.so",          "pam_gdm.so",       "pam_gnome_keyring.so", "pam_issue.so",
    "pam_keyinit.so",  "pam_kwallet.so",      "pam_kwallet5.so",  "pam_lastlog.so",       "pam_limits.so",
    "pam_loginuid.so", "pam_mail.so",         "pam_mkhomedir.so", "pam_motd.so",          "pam_mount.so",
    "pam_permit.so",   "pam_selinux.so",      "pam_systemd.so",   "pam_tally2.so",        "pam_umask.so",
    "pam_warn.so",     "pam_xauth.so"};

/// Modules that always answer the same in the auth phase.
Codes answers_of(std::string_view name, Phase phase) {
    if (name == "pam_permit.so") return only({PAM_SUCCESS});
    if (name == "pam_deny.so") return only({PAM_AUTH_ERR, PAM_ACCT_EXPIRED, PAM_PERM_DENIED});
    if (phase != Phase::auth) return Codes().set();
    if (name == "pam_env.so" || name == "pam_warn.so") return only({PAM_IGNORE});
    if (name == "pam_faildelay.so") return only({PAM_IGNORE, PAM_SYSTEM_ERR, PAM_SERVICE_ERR});
    return Codes().set();
}

}  // namespace

ModuleFacts facts_of_module(std::string_view name, Phase phase) {
    const bool is_condition = std::ranges::find(conditions, name) != std::end(conditions);
    const bool is_helper = std::ranges::find(helpers, name) != std::end(helpers);
    return {answers_of(name, phase), !is_condition && !is_helper, is_condition};
}

ModuleFacts facts_of_line(const StackLine& line, Phase phase) {
    auto facts = facts_of_module(line.module_name(), phase);
    const bool gets_password = std::ranges::count(line.arguments, "expose_authtok") > 0;
    if (line.module_name() == "pam_exec.so" && gets_password) {
        facts.proves = true;
        facts.is_condition = false;
    }
    return facts;
}

Codes our_failures(Phase phase) {
    auto codes = only({PAM_AUTHINFO_UNAVAIL, PAM_BUF_ERR, PAM_CONV_ERR, PAM_MODULE_UNKNOWN, PAM_SYSTEM_ERR});
    codes |= phase == Phase::auth ? only({PAM_AUTH_ERR, PAM_MAXTRIES}) : only({PAM_PERM_DENIED});
    return codes;
}

bool is_ours(const StackLine& line) {
    return line.kind == StackLine::Kind::module && line.module_name() == our_module;
}

}  // namespace totp
