// By which of sshd's methods somebody gets in, and what comes of each way for who is enrolled. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "enroll/doctor/examination.h"
#include "enroll/doctor/sshd_match.h"
#include "enroll/doctor/sshd_settings.h"

namespace totp {

/// What is known of the stack of the PAM service that sshd asks.
struct SshdStack {
    Protection protection = Protection::unknown;
    bool takes_one_field = false;     ///< a line of ours takes the code from behind the password
    bool lets_unenrolled_in = false;  ///< without a code

    bool asks() const { return protection == Protection::proven || protection == Protection::exempt; }
};

/// sshd as one connection finds it.
struct SshdView {
    SshdConnection connection;
    SshdSettings settings;  ///< for this connection
    SshdStack stack;
    const SshdBlock* block = nullptr;  ///< whose people the connection stands for; null: for everybody else

    bool is_root() const { return connection.person.name == "root"; }
    /// False of root whom PermitRootLogin or a list shuts out, wherever root comes from. Of others nothing is
    /// known: the connection stands for many.
    bool may_come() const;
};

/// One entry of AuthenticationMethods: all of these, one after the other.
using SshdMethods = std::vector<std::string>;

/// What comes of a way for somebody who is enrolled.
enum class SshdOutcome {
    code,      ///< in with a code, not without
    password,  ///< in without one; a password is needed
    no_code,   ///< in without one; a key or something of the kind is needed
    in_vain,   ///< asked for a code that can't be given
    by_stack,  ///< as the stack has it, which asks for no code that can't be passed by
};

struct SshdWay {
    SshdMethods methods;
    SshdOutcome outcome;
};

/// A method as settings and people have it.
struct SshdMethod {
    std::string_view name;
    std::string_view keyword;  ///< that turns it on, as it is written
    Sentence (*proof)();       ///< who passes has it
    std::string_view kind;     ///< of the finding, where it is enough
};

inline constexpr std::string_view by_pam = "keyboard-interactive";

/// Null where sshd knows no such method. What stands behind a colon doesn't count.
const SshdMethod* method_named(const std::string& method);
bool has_method(const SshdMethods& methods, std::string_view name);

/// AuthenticationMethods with PAM's conversation in the place of each password, once.
std::string with_prompts(const std::vector<std::string>& lists);

bool is_on(const std::string& method, const SshdSettings& settings);

/// All that lead in.
std::vector<SshdWay> ways_in(const SshdView& view);

/// Whether PAM is asked before anything else has shown who comes, as a key does.
bool begins_with_pam(const SshdWay& way);

std::string joined(const std::vector<std::string>& words, std::string_view between);

}  // namespace totp
