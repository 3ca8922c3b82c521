#include "enroll/doctor/sshd_methods.h"

#include <algorithm>
#include <iterator>

#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

constexpr SshdMethod all_methods[] = {
    {"publickey", "PubkeyAuthentication", [] { return tr("a key"); }, "key_alone"},
    {by_pam, "KbdInteractiveAuthentication", [] { return tr("the password"); }, ""},
    {"password", "PasswordAuthentication", [] { return tr("the password"); }, ""},
    {"gssapi-with-mic", "GSSAPIAuthentication", [] { return tr("a Kerberos ticket"); }, "ticket_alone"},
    {"gssapi-keyex", "GSSAPIAuthentication", [] { return tr("a Kerberos ticket"); }, "ticket_alone"},
    {"hostbased", "HostbasedAuthentication", [] { return tr("an account on a trusted host"); }, "host_alone"},
    {"none", "PermitEmptyPasswords", [] { return tr("an account without a password"); }, "empty_password"},
};

/// "keyboard-interactive:pam" without what stands behind the colon.
std::string name_of_method(const std::string& method) { return method.substr(0, method.find(':')); }

/// With all but `yes` root has to prove it by something that isn't typed.
bool may_use(const std::string& method, const SshdView& view) {
    const auto& root_login = view.settings.root_login;
    if (!view.is_root() || root_login == "yes") return true;
    if (root_login == "forced-commands-only") return method == "publickey";
    return method == "publickey" || method == "hostbased" || method.starts_with("gssapi-");
}

std::vector<SshdMethods> lists_of(const SshdSettings& settings) {
    std::vector<SshdMethods> lists;
    for (const auto& list : settings.methods) lists.push_back(comma_separated(list));
    if (!lists.empty()) return lists;
    for (const auto& method : all_methods) {
        if (method.name != "none" && method.name != "gssapi-keyex")
            lists.push_back({std::string(method.name)});
    }
    return lists;
}

SshdOutcome outcome_of(const SshdMethods& methods, const SshdView& view) {
    const bool has_prompts = has_method(methods, by_pam);
    if (!has_prompts && !has_method(methods, "password")) return SshdOutcome::no_code;
    const bool is_password_pams = view.settings.use_pam && !view.settings.kerberos;
    const bool asks_pam = has_prompts || is_password_pams;
    if (!view.stack.asks()) return asks_pam ? SshdOutcome::by_stack : SshdOutcome::password;
    if (has_method(methods, "password") && is_password_pams && !view.stack.takes_one_field)
        return SshdOutcome::in_vain;
    return asks_pam ? SshdOutcome::code : SshdOutcome::password;
}

// ---- lists of users and groups

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
    return std::ranges::any_of(patterns,
                               [&](const std::string& pattern) { return matches_pattern(pattern, name); });
}

/// Of "USER@HOST" the user, whatever the host.
bool may_match(const std::vector<std::string>& patterns, const std::string& user) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
        return matches_pattern(std::string_view(pattern).substr(0, pattern.rfind('@')), user);
    });
}

/// Wherever they come from: a pattern with a host shuts them out of that host alone.
bool is_barred(const SshdPerson& person, const SshdSettings& settings) {
    const auto is_in = [&](const std::vector<std::string>& patterns) {
        return std::ranges::any_of(person.groups,
                                   [&](const std::string& group) { return matches_any(patterns, group); });
    };
    return matches_any(settings.denied_users, person.name) || is_in(settings.denied_groups) ||
           (!settings.allowed_users.empty() && !may_match(settings.allowed_users, person.name)) ||
           (!settings.allowed_groups.empty() && !is_in(settings.allowed_groups));
}

}  // namespace

bool SshdView::may_come() const {
    return !is_root() || (settings.root_login != "no" && !is_barred(connection.person, settings));
}

const SshdMethod* method_named(const std::string& method) {
    const auto* const found = std::ranges::find(all_methods, name_of_method(method), &SshdMethod::name);
    return found == std::end(all_methods) ? nullptr : found;
}

bool has_method(const SshdMethods& methods, std::string_view name) {
    return std::ranges::any_of(methods,
                               [&](const std::string& method) { return name_of_method(method) == name; });
}

std::string with_prompts(const std::vector<std::string>& lists) {
    std::vector<std::string> changed;
    for (const auto& list : lists) {
        auto methods = comma_separated(list);
        if (has_method(methods, by_pam)) std::erase(methods, "password");
        std::ranges::replace(methods, std::string("password"), std::string("keyboard-interactive:pam"));
        auto text = joined(methods, ",");
        if (std::ranges::find(changed, text) == changed.end()) changed.push_back(std::move(text));
    }
    return joined(changed, " ");
}

bool is_on(const std::string& method, const SshdSettings& settings) {
    if (method == by_pam || method == std::string(by_pam) + ":pam")
        return settings.keyboard_interactive && settings.use_pam;
    if (method == "publickey") return settings.public_key;
    if (method == "password") return settings.password;
    if (method.starts_with("gssapi-")) return settings.gssapi;
    if (method == "hostbased") return settings.hostbased;
    return method == "none" && settings.password && settings.empty_passwords;
}

std::vector<SshdWay> ways_in(const SshdView& view) {
    std::vector<SshdWay> ways;
    if (!view.may_come()) return ways;
    for (auto& methods : lists_of(view.settings)) {
        const bool leads_in = std::ranges::all_of(methods, [&](const std::string& method) {
            return is_on(method, view.settings) && may_use(method, view);
        });
        const auto outcome = outcome_of(methods, view);
        if (leads_in) ways.push_back({std::move(methods), outcome});
    }
    return ways;
}

bool begins_with_pam(const SshdWay& way) {
    const SshdMethods first{way.methods.front()};
    return has_method(first, by_pam) || has_method(first, "password") || has_method(first, "none");
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const auto& word : words) {
        if (!text.empty()) text += between;
        text += word;
    }
    return text;
}

}  // namespace totp
