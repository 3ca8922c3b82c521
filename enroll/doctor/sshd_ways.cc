#include "enroll/doctor/sshd_ways.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

constexpr std::string_view by_pam = "keyboard-interactive";
constexpr int shortest_grace_time = 60;
constexpr int fewest_tries = 3;

/// One entry of AuthenticationMethods: all of these, one after the other.
using Methods = std::vector<std::string>;

/// What comes of a way for somebody who is enrolled.
enum class Outcome {
    code,      ///< in with a code, not without
    password,  ///< in without one; a password is needed
    no_code,   ///< in without one; a key or something of the kind is needed
    in_vain,   ///< asked for a code that can't be given
    by_stack,  ///< as the stack has it, which asks for no code that can't be passed by
};

struct SshdWay {
    Methods methods;
    Outcome outcome;
};

/// A method as settings and people have it.
struct Method {
    std::string_view name;
    std::string_view keyword;  ///< that turns it on, as it is written
    Sentence (*proof)();       ///< who passes has it
    std::string_view kind;     ///< of the finding, where it is enough
};
constexpr Method all_methods[] = {
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

const Method* method_named(const std::string& method) {
    const auto found = std::ranges::find(all_methods, name_of_method(method), &Method::name);
    return found == std::end(all_methods) ? nullptr : found;
}

bool has(const Methods& methods, std::string_view name) {
    return std::ranges::any_of(methods,
                               [&](const std::string& method) { return name_of_method(method) == name; });
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const auto& word : words) {
        if (!text.empty()) text += between;
        text += word;
    }
    return text;
}

/// AuthenticationMethods with PAM's conversation in the place of each password, once.
std::string with_prompts(const std::vector<std::string>& lists) {
    std::vector<std::string> changed;
    for (const auto& list : lists) {
        auto methods = comma_separated(list);
        if (has(methods, by_pam)) std::erase(methods, "password");
        std::ranges::replace(methods, std::string("password"), std::string("keyboard-interactive:pam"));
        auto text = joined(methods, ",");
        if (std::ranges::find(changed, text) == changed.end()) changed.push_back(std::move(text));
    }
    return joined(changed, " ");
}

class Judge {
  public:
    Judge(const SshdConfig& config, const SshdView& view)
        : config_(config), view_(view), settings_(view.settings), ways_(ways()) {}

    std::vector<CheckFinding> judge() {
        if (view_.stack.protection == Protection::unknown) return {};
        if (view_.is_root() && settings_.root_login == "no") return {};
        if (ways_.empty()) {
            note_closed();
        } else {
            note_passwords_without_pam();
            note_no_prompt();
            note_single_proofs();
            note_password_in_vain();
            if (view_.is_root()) note_root();
        }
        note_empty_passwords();
        note_limits();
        return std::move(findings_);
    }

  private:
    // ---- the ways there are

    bool stack_asks() const {
        return view_.stack.protection == Protection::proven || view_.stack.protection == Protection::exempt;
    }
    bool is_on(const std::string& method) const {
        if (method == by_pam || method == std::string(by_pam) + ":pam")
            return settings_.keyboard_interactive && settings_.use_pam;
        if (method == "publickey") return settings_.public_key;
        if (method == "password") return settings_.password;
        if (method.starts_with("gssapi-")) return settings_.gssapi;
        if (method == "hostbased") return settings_.hostbased;
        return method == "none" && settings_.password && settings_.empty_passwords;
    }
    /// With all but `yes` root has to prove it by something that isn't typed.
    bool may_use(const std::string& method) const {
        if (!view_.is_root() || settings_.root_login == "yes") return true;
        if (settings_.root_login == "forced-commands-only") return method == "publickey";
        return method == "publickey" || method == "hostbased" || method.starts_with("gssapi-");
    }
    std::vector<Methods> lists() const {
        std::vector<Methods> lists;
        for (const auto& list : settings_.methods) lists.push_back(comma_separated(list));
        if (!lists.empty()) return lists;
        for (const auto& method : all_methods) {
            if (method.name != "none" && method.name != "gssapi-keyex")
                lists.push_back({std::string(method.name)});
        }
        return lists;
    }
    std::vector<SshdWay> ways() const {
        std::vector<SshdWay> ways;
        for (auto& methods : lists()) {
            const bool leads_in = std::ranges::all_of(
                methods, [&](const std::string& method) { return is_on(method) && may_use(method); });
            const auto outcome = outcome_of(methods);
            if (leads_in) ways.push_back({std::move(methods), outcome});
        }
        return ways;
    }
    Outcome outcome_of(const Methods& methods) const {
        const bool has_prompts = has(methods, by_pam);
        if (!has_prompts && !has(methods, "password")) return Outcome::no_code;
        const bool is_password_pams = settings_.use_pam && !settings_.kerberos;
        if (!stack_asks()) return has_prompts || is_password_pams ? Outcome::by_stack : Outcome::password;
        if (has(methods, "password") && is_password_pams && !view_.stack.takes_one_field)
            return Outcome::in_vain;
        return has_prompts || is_password_pams ? Outcome::code : Outcome::password;
    }
    bool has_way(Outcome outcome) const {
        return std::ranges::find(ways_, outcome, &SshdWay::outcome) != ways_.end();
    }

    // ---- how it is said

    const SshdLine* line_of(std::string_view keyword) const {
        return deciding_line(config_, view_.connection, in_small_letters(keyword));
    }
    /// "as root, where `Match Address 10.0.0.0/8` applies, nobody gets in".
    Sentence of_whom(const Sentence& sentence) const {
        const auto there = view_.block != nullptr
                               ? tr("where `%1` applies, %2", {view_.block->written, sentence})
                               : sentence;
        return view_.is_root() ? tr("as root, %1", {there}) : there;
    }
    /// `settings`: "UsePAM no", what brings it about; sshd says so.
    CheckFinding& add(Severity severity, std::string_view kind, const Sentence& sentence,
                      std::string_view keyword, const std::string& value,
                      const std::vector<std::string>& settings) {
        const auto* const line = line_of(keyword);
        const auto wanted = "`" + std::string(keyword) + " " + value + "`";
        findings_.push_back({severity, std::string(kind), "sshd", of_whom(sentence),
                             line != nullptr ? line->place : FileLine{config_.file},
                             line != nullptr
                                 ? tr("write %1 in its place", {wanted})
                                 : tr("add the line %1 at the top of %2", {wanted, config_.file})});
        findings_.back().steps.push_back(said_by_sshd(settings));
        return findings_.back();
    }
    Sentence said_by_sshd(const std::vector<std::string>& settings) const {
        const auto command = "sshd -T -C " + connection_spec(view_.connection);
        return tr("%1 says %2", {command, joined(settings, ", ")});
    }
    std::string methods_in_words() const {
        return "AuthenticationMethods " +
               (settings_.methods.empty() ? "any" : joined(settings_.methods, " "));
    }
    static std::string setting(std::string_view keyword, bool is_on) {
        return std::string(keyword) + (is_on ? " yes" : " no");
    }
    std::vector<std::string> doors_in_words() const {
        return {setting("UsePAM", settings_.use_pam),
                setting("KbdInteractiveAuthentication", settings_.keyboard_interactive),
                setting("PasswordAuthentication", settings_.password),
                setting("PubkeyAuthentication", settings_.public_key), methods_in_words()};
    }
    /// "a key and the password".
    static Sentence proofs_in_words(const Methods& methods) {
        Sentence words;
        std::vector<std::string> told;
        told.reserve(methods.size());
        for (const auto& name : methods) {
            const auto* const method = method_named(name);
            const auto proof = method != nullptr ? method->proof() : Sentence(name);
            if (std::ranges::find(told, proof.english()) != told.end()) continue;
            told.push_back(proof.english());
            words = words.empty() ? proof : tr("%1 and %2", {words, proof});
        }
        return words;
    }

    // ---- nobody gets in

    void note_closed() {
        if (view_.is_root() && settings_.root_login != "yes") {
            add(Severity::remark, "root_closed",
                tr("nobody gets in: PermitRootLogin %1 lets root give neither password nor code, and nothing "
                   "else is enough",
                   {settings_.root_login}),
                "PermitRootLogin", "no", {"PermitRootLogin " + settings_.root_login, methods_in_words()});
            return;
        }
        const auto missing = missing_method();
        const bool lacks_pam = !settings_.use_pam && settings_.keyboard_interactive &&
                               missing == method_named(std::string(by_pam));
        add(Severity::fault, "closed",
            tr("nobody gets in: no way of proving who it is is both on and enough"),
            lacks_pam ? "UsePAM" : missing->keyword, "yes", doors_in_words());
    }
    /// What would have to be on; PAM's conversation if anything would do.
    const Method* missing_method() const {
        for (const auto& list : settings_.methods) {
            for (const auto& method : comma_separated(list)) {
                if (!is_on(method) && method_named(method) != nullptr) return method_named(method);
            }
        }
        return method_named(std::string(by_pam));
    }

    // ---- passwords

    void note_passwords_without_pam() {
        const auto way = std::ranges::find(ways_, Outcome::password, &SshdWay::outcome);
        const auto proofs = way == ways_.end() ? Sentence() : proofs_in_words(way->methods);
        if (!settings_.use_pam) {
            add(Severity::fault, "use_pam",
                way == ways_.end()
                    ? tr("nobody is ever asked for a code, because sshd doesn't ask PAM")
                    : tr("whoever has %1 gets in without a code, because sshd doesn't ask PAM", {proofs}),
                "UsePAM", "yes", doors_in_words());
        } else if (way != ways_.end()) {
            add(Severity::fault, "kerberos_password",
                tr("whoever has %1 (at Kerberos) gets in without a code, because sshd asks Kerberos before "
                   "PAM",
                   {proofs}),
                "KerberosAuthentication", "no", {"KerberosAuthentication yes", "PasswordAuthentication yes"});
        }
    }
    /// Somebody is asked for a code, but in no way in which it can be given.
    void note_no_prompt() {
        const bool is_planned = view_.stack.protection == Protection::no_code;
        const auto way = std::ranges::find_if(ways_, [&](const SshdWay& each) {
            return each.outcome == Outcome::in_vain ||
                   (is_planned && has(each.methods, "password") && !has(each.methods, by_pam));
        });
        const bool is_asked = std::ranges::any_of(ways_, [&](const SshdWay& each) {
            return each.outcome == Outcome::code || (is_planned && has(each.methods, by_pam));
        });
        if (way == ways_.end() || is_asked || !settings_.use_pam) return;
        const bool is_by_list = !settings_.methods.empty() && settings_.keyboard_interactive;
        add(is_planned ? Severity::warning : Severity::fault, "no_prompt",
            is_planned ? tr("once a code is asked, nobody can give one: sshd answers the prompt with the "
                            "password")
                       : tr("nobody can give the code that is asked: sshd answers the prompt with the "
                            "password"),
            is_by_list ? "AuthenticationMethods" : "KbdInteractiveAuthentication",
            is_by_list ? with_prompts(settings_.methods) : "yes", doors_in_words());
    }
    void note_password_in_vain() {
        if (!has_way(Outcome::code) || !has_way(Outcome::in_vain)) return;
        const bool is_by_list = !settings_.methods.empty();
        add(Severity::warning, "password_in_vain",
            tr("who is enrolled never gets in by sshd's own method `password`, which answers the prompt for "
               "a code with the password"),
            is_by_list ? "AuthenticationMethods" : "PasswordAuthentication",
            is_by_list ? with_prompts(settings_.methods) : "no", doors_in_words());
    }

    // ---- keys and what else needs no code

    void note_single_proofs() {
        if (!settings_.use_pam || view_.stack.protection == Protection::no_code) return;
        for (const auto& way : ways_) {
            if (way.outcome == Outcome::no_code && !has(way.methods, "none")) note_single_proof(way);
        }
    }
    bool has_way_for_codes() const {
        return std::ranges::any_of(ways_, [](const SshdWay& way) { return way.outcome != Outcome::no_code; });
    }
    /// Where AuthenticationMethods says that it is enough, that was somebody's decision.
    void note_single_proof(const SshdWay& way) {
        const auto& method = *method_named(way.methods.front());
        const bool is_decided = !settings_.methods.empty();
        const auto proofs = proofs_in_words(way.methods);
        auto& finding =
            add(is_decided ? Severity::remark : Severity::warning, method.kind,
                has_way_for_codes()
                    ? tr("whoever has %1 gets in without a code", {proofs})
                    : tr("whoever has %1 gets in without a code, and nobody is ever asked for one", {proofs}),
                "AuthenticationMethods", "keyboard-interactive:pam",
                {setting(method.keyword, true), methods_in_words()});
        finding.change = with_choices(finding.change, joined(way.methods, ","), is_decided);
        const auto* const line = line_of(method.keyword);
        if (!is_decided && line != nullptr && line_of("AuthenticationMethods") == nullptr)
            finding.place = line->place;
    }
    /// The change, what else AuthenticationMethods could say, and what it needs.
    Sentence with_choices(const Sentence& change, const std::string& proof, bool is_decided) const {
        auto choices = tr("%1, or with `%2,keyboard-interactive:pam` to ask for both", {change, proof});
        if (!is_decided) {
            choices = tr("%1; if that is to be enough, with `%2 keyboard-interactive:pam`", {choices, proof});
        }
        if (!settings_.keyboard_interactive)
            choices = tr("%1; it needs `KbdInteractiveAuthentication yes`", {choices});
        return choices;
    }

    // ---- empty passwords

    void note_empty_passwords() {
        if (!settings_.empty_passwords || view_.is_root()) return;
        const bool is_typed = settings_.password || settings_.keyboard_interactive;
        if (!is_typed) return;
        const bool is_open = !settings_.use_pam || !stack_asks() || view_.stack.lets_unenrolled_in;
        add(is_open ? Severity::fault : Severity::warning, "empty_password",
            !is_open ? tr("an account with an empty password may need nothing but a code")
            : settings_.use_pam && stack_asks()
                ? tr("an account with an empty password that isn't enrolled may be open to everybody")
                : tr("an account with an empty password may be open to everybody"),
            "PermitEmptyPasswords", "no", {"PermitEmptyPasswords yes", setting("UsePAM", settings_.use_pam)});
    }

    // ---- root

    void note_root() {
        if (settings_.root_login != "yes") return;
        const bool is_open = has_way(Outcome::password) || has_way(Outcome::by_stack);
        const bool is_asked = has_way(Outcome::code) || has_way(Outcome::in_vain);
        if (is_open) {
            add(Severity::fault, "root_password", tr("the password is enough, and no code is asked"),
                "PermitRootLogin", "prohibit-password", {"PermitRootLogin yes"});
        } else if (is_asked && view_.stack.lets_unenrolled_in) {
            add(Severity::warning, "root_unenrolled",
                tr("the password is enough for as long as root isn't enrolled"), "PermitRootLogin",
                "prohibit-password", {"PermitRootLogin yes"});
        }
    }

    // ---- time and tries

    void note_limits() {
        if (view_.is_root() || !has_way(Outcome::code)) return;
        const auto seconds = std::to_string(settings_.grace_time);
        if (settings_.grace_time != 0 && settings_.grace_time < shortest_grace_time) {
            add(Severity::warning, "grace_time",
                tr_n("there is only %1 second for password and code together",
                     "there are only %1 seconds for password and code together", settings_.grace_time),
                "LoginGraceTime", "120", {"LoginGraceTime " + seconds});
        }
        const auto tries = std::to_string(settings_.max_tries);
        if (settings_.max_tries < fewest_tries && settings_.public_key) {
            add(Severity::warning, "max_tries",
                tr_n("a client that offers %1 key in vain, as one with an agent may, is cut off before a "
                     "code is asked",
                     "a client that offers %1 keys in vain, as one with an agent may, is cut off before a "
                     "code is asked",
                     settings_.max_tries),
                "MaxAuthTries", "6", {"MaxAuthTries " + tries});
        }
    }

    const SshdConfig& config_;
    const SshdView& view_;
    const SshdSettings& settings_;
    const std::vector<SshdWay> ways_;
    std::vector<CheckFinding> findings_;
};

}  // namespace

std::vector<CheckFinding> judge_sshd(const SshdConfig& config, const SshdView& view) {
    return Judge(config, view).judge();
}

bool is_way_beside_pam(const CheckFinding& finding) {
    return finding.kind == "key_alone" || finding.kind == "ticket_alone" || finding.kind == "host_alone";
}

}  // namespace totp
