#include "enroll/doctor/sshd_ways.h"

#include <algorithm>
#include <optional>

#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

constexpr std::string_view list_of_methods = "AuthenticationMethods";
constexpr auto code_alone = "keyboard-interactive:pam";
constexpr int shortest_grace_time = 60;
constexpr int fewest_tries = 3;

class Judge {
  public:
    Judge(const SshdConfig& config, const SshdView& view, const SshdView* root)
        : config_(config), view_(view), root_(root), settings_(view.settings), ways_(ways_in(view)) {}

    std::vector<CheckFinding> judge() {
        if (view_.stack.protection == Protection::unknown) return {};
        if (!view_.may_come()) return {};
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
    bool has_way(SshdOutcome outcome) const {
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
        findings_.push_back({severity, std::string(kind), "sshd", of_whom(sentence),
                             line != nullptr ? line->place : FileLine{config_.file},
                             line != nullptr ? tr("write %1 in its place", {written(keyword, value)})
                                             : addition(keyword, value)});
        findings_.back().steps.push_back(said_by_sshd(settings));
        return findings_.back();
    }
    static std::string written(std::string_view keyword, const std::string& value) {
        return "`" + std::string(keyword) + " " + value + "`";
    }
    Sentence addition(std::string_view keyword, const std::string& value) const {
        return tr("add the line %1 at the top of %2", {written(keyword, value), config_.file});
    }
    /// Of what is set for somebody, wherever that is.
    Sentence change_for(const SshdConnection& connection, std::string_view keyword,
                        const std::string& value) const {
        const auto* const line = deciding_line(config_, connection, in_small_letters(keyword));
        return line != nullptr ? tr("write %1 at %2", {written(keyword, value), text_of(line->place)})
                               : addition(keyword, value);
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
    static Sentence proofs_in_words(const SshdMethods& methods) {
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
    const SshdMethod* missing_method() const {
        for (const auto& list : settings_.methods) {
            for (const auto& method : comma_separated(list)) {
                if (!is_on(method, settings_) && method_named(method) != nullptr) return method_named(method);
            }
        }
        return method_named(std::string(by_pam));
    }

    // ---- passwords

    void note_passwords_without_pam() {
        const auto way = std::ranges::find(ways_, SshdOutcome::password, &SshdWay::outcome);
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
            return each.outcome == SshdOutcome::in_vain ||
                   (is_planned && has_method(each.methods, "password") && !has_method(each.methods, by_pam));
        });
        const bool is_asked = std::ranges::any_of(ways_, [&](const SshdWay& each) {
            return each.outcome == SshdOutcome::code || (is_planned && has_method(each.methods, by_pam));
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
        if (!has_way(SshdOutcome::code) || !has_way(SshdOutcome::in_vain)) return;
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
            if (way.outcome == SshdOutcome::no_code && !has_method(way.methods, "none"))
                note_single_proof(way);
        }
    }
    bool has_way_for_codes() const {
        return std::ranges::any_of(ways_,
                                   [](const SshdWay& way) { return way.outcome != SshdOutcome::no_code; });
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
                list_of_methods, code_alone, {setting(method.keyword, true), methods_in_words()});
        finding.change = may_type() ? with_choices(finding.change, joined(way.methods, ","), is_decided)
                                    : change_for_root_alone();
        const auto* const line = line_of(method.keyword);
        if (!is_decided && line != nullptr && line_of(list_of_methods) == nullptr)
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
        const bool shuts_root_out =
            root_ != nullptr && (loses_root(code_alone) || loses_root(proof + "," + code_alone));
        return shuts_root_out ? with_way_for_root(choices) : choices;
    }

    // ---- root, whom sshd asks for nothing that is typed unless PermitRootLogin says so

    bool may_type() const { return !view_.is_root() || settings_.root_login == "yes"; }
    Sentence change_for_root_alone() const {
        return tr(
            "%1, so that nobody comes as root; only with `PermitRootLogin yes` can root be asked for a code",
            {change_for(view_.connection, "PermitRootLogin", "no")});
    }
    /// Whether root gets in now and wouldn't any more if the AuthenticationMethods of this view were these.
    bool loses_root(const std::string& methods) const {
        const auto* const line = line_of(list_of_methods);
        if (line != deciding_line(config_, root_->connection, in_small_letters(list_of_methods)))
            return false;
        auto changed = *root_;
        changed.settings.methods = {methods};
        changed.settings.keyboard_interactive = true;
        return !ways_in(*root_).empty() && ways_in(changed).empty();
    }
    Sentence with_way_for_root(const Sentence& change) const {
        std::vector<std::string> lists;
        for (const auto& way : ways_in(*root_)) lists.push_back(joined(way.methods, ","));
        const auto* const line = line_of(list_of_methods);
        const bool is_in_block = line != nullptr && line->block;
        const auto where = is_in_block ? tr("before %1", {text_of(config_.blocks[*line->block].place)})
                                       : tr("at the end of %1", {config_.file});
        auto kept =
            tr("%1; where all are asked for a code, nobody gets in as root any more: to leave root as it is, "
               "add the lines %2 and %3 %4",
               {change, "`Match User root`", written(list_of_methods, joined(lists, " ")), where});
        if (root_->settings.root_login == "yes") return kept;
        return tr(
            "%1; to have root asked too, enrol root (%2) and %3",
            {kept, "`totp-enroll add --user root`", change_for(root_->connection, "PermitRootLogin", "yes")});
    }

    // ---- empty passwords

    static bool is_typed_alone(const SshdWay& way) {
        return std::ranges::all_of(way.methods, [](const std::string& method) {
            return has_method({method}, by_pam) || method == "password" || method == "none";
        });
    }

    void note_empty_passwords() {
        if (!settings_.empty_passwords || view_.is_root()) return;
        if (std::ranges::none_of(ways_, is_typed_alone)) return;
        const bool is_open = !settings_.use_pam || !view_.stack.asks() || view_.stack.lets_unenrolled_in;
        add(is_open ? Severity::fault : Severity::warning, "empty_password",
            !is_open ? tr("an account with an empty password may need nothing but a code")
            : settings_.use_pam && view_.stack.asks()
                ? tr("an account with an empty password that isn't enrolled may be open to everybody")
                : tr("an account with an empty password may be open to everybody"),
            "PermitEmptyPasswords", "no", {"PermitEmptyPasswords yes", setting("UsePAM", settings_.use_pam)});
    }

    // ---- root

    void note_root() {
        if (settings_.root_login != "yes") return;
        const bool is_open = has_way(SshdOutcome::password) || has_way(SshdOutcome::by_stack);
        const bool is_asked = has_way(SshdOutcome::code) || has_way(SshdOutcome::in_vain);
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
        if (view_.is_root() || !has_way(SshdOutcome::code)) return;
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
    const SshdView* const root_;
    const SshdSettings& settings_;
    const std::vector<SshdWay> ways_;
    std::vector<CheckFinding> findings_;
};

}  // namespace

std::vector<CheckFinding> judge_sshd(const SshdConfig& config, const SshdView& view, const SshdView* root) {
    return Judge(config, view, root).judge();
}

void tell_of_proof_before_pam(std::vector<CheckFinding>& findings) {
    std::erase_if(findings, [](const CheckFinding& finding) {
        const bool is_done_before = finding.kind == "asked_first" || finding.kind == "nothing";
        return is_done_before && finding.about.english() == "sshd";
    });
    for (auto& finding : findings) {
        if (finding.kind != "code_alone" || finding.about.english() != "sshd") continue;
        finding.severity = Severity::remark;
        finding.sentence =
            tr("a code is enough for PAM; what else has to be proved, as by a key, sshd asks for before");
        finding.change = {};
    }
}

bool is_way_beside_pam(const CheckFinding& finding) {
    return finding.kind == "key_alone" || finding.kind == "ticket_alone" || finding.kind == "host_alone";
}

}  // namespace totp
