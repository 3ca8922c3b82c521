#include "enroll/doctor/pam_control.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>

#include <security/pam_appl.h>
#include <strings.h>

namespace totp {
namespace {

constexpr std::string_view code_names[] = {"success",
                                           "open_err",
                                           "symbol_err",
                                           "service_err",
                                           "system_err",
                                           "buf_err",
                                           "perm_denied",
                                           "auth_err",
                                           "cred_insufficient",
                                           "authinfo_unavail",
                                           "user_unknown",
                                           "maxtries",
                                           "new_authtok_reqd",
                                           "acct_expired",
                                           "session_err",
                                           "cred_unavail",
                                           "cred_expired",
                                           "cred_err",
                                           "no_module_data",
                                           "conv_err",
                                           "authtok_err",
                                           "authtok_recover_err",
                                           "authtok_lock_busy",
                                           "authtok_disable_aging",
                                           "try_again",
                                           "ignore",
                                           "abort",
                                           "authtok_expired",
                                           "module_unknown",
                                           "bad_item",
                                           "conv_again",
                                           "incomplete"};
static_assert(std::size(code_names) == code_count);

constexpr std::string_view default_code = "default";

struct VerbName {
    std::string_view name;
    Verb verb;
};
constexpr VerbName verb_names[] = {{"ignore", Verb::ignore}, {"ok", Verb::ok},   {"done", Verb::done},
                                   {"bad", Verb::bad},       {"die", Verb::die}, {"reset", Verb::reset}};

Control all(Verb verb) {
    Control control;
    control.fill({verb});
    return control;
}

std::optional<Control> control_of_word(std::string_view word) {
    const auto with = [](Verb otherwise, Verb good, Verb ignored) {
        auto control = all(otherwise);
        control[PAM_SUCCESS] = control[PAM_NEW_AUTHTOK_REQD] = {good};
        control[PAM_IGNORE] = {ignored};
        return control;
    };
    if (is_same_word(word, "required")) return with(Verb::bad, Verb::ok, Verb::ignore);
    if (is_same_word(word, "requisite")) return with(Verb::die, Verb::ok, Verb::ignore);
    if (is_same_word(word, "optional")) return with(Verb::ignore, Verb::ok, Verb::ignore);
    if (is_same_word(word, "sufficient")) return with(Verb::ignore, Verb::done, Verb::ignore);
    return std::nullopt;
}

/// Reads `code=action` pairs, which need no blanks between them. Each function is false at what can't be
/// read.
class PairReader {
  public:
    explicit PairReader(std::string_view text) : rest_(text) {}

    bool read(std::array<std::optional<Action>, code_count>& actions) {
        for (skip_blanks(); !rest_.empty(); skip_blanks()) {
            Codes codes;
            Action action;
            if (!read_code(actions, codes) || !read_equals() || !read_action(action)) return false;
            for (int code = 0; code < code_count; ++code) {
                if (codes[static_cast<std::size_t>(code)]) actions[static_cast<std::size_t>(code)] = action;
            }
        }
        return true;
    }

  private:
    void skip_blanks() {
        while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
            rest_.remove_prefix(1);
    }
    bool take(std::string_view word) {
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    /// `default` is every code that has no action yet.
    bool read_code(const std::array<std::optional<Action>, code_count>& actions, Codes& codes) {
        for (std::size_t code = 0; code < code_count; ++code) {
            if (!take(code_names[code])) continue;
            codes.set(code);
            return true;
        }
        if (!take(default_code)) return false;
        for (std::size_t code = 0; code < code_count; ++code) codes[code] = !actions[code];
        return true;
    }
    bool read_equals() {
        skip_blanks();
        return take("=");
    }
    bool read_action(Action& action) {
        skip_blanks();
        for (const auto& [name, verb] : verb_names) {
            if (!take(name)) continue;
            action = {verb};
            return true;
        }
        return read_jump(action);
    }
    bool read_jump(Action& action) {
        constexpr int more_than_any_stack = 1'000'000;
        int lines = 0;
        for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1))
            lines = std::min(lines * 10 + (rest_.front() - '0'), more_than_any_stack);
        action = {Verb::jump, lines};
        return lines > 0;
    }

    std::string_view rest_;
};

}  // namespace

std::string_view name_of_code(int code) { return code_names[code]; }

bool is_same_word(std::string_view one, std::string_view other) {
    return one.size() == other.size() && strncasecmp(one.data(), other.data(), one.size()) == 0;
}

Control parse_control(std::string_view field) {
    if (const auto control = control_of_word(field)) return *control;
    std::array<std::optional<Action>, code_count> actions;
    if (!PairReader(field).read(actions)) return all(Verb::bad);
    Control control;
    std::ranges::transform(actions, control.begin(),
                           [](const auto& action) { return action.value_or(Action{Verb::bad}); });
    return control;
}

}  // namespace totp
