// What libpam does with each answer of a module: the control field of a line in pam.d (pam.conf(5)).
#pragma once

#include <array>
#include <bitset>
#include <string>
#include <string_view>

namespace totp {

/// All that a module may answer, by number; PAM_SUCCESS is 0.
inline constexpr int code_count = 32;
using Codes = std::bitset<code_count>;

/// "auth_err", as it stands in a control field.
std::string_view name_of_code(int code);

enum class Verb {
    ignore,
    ok,
    done,  ///< as ok, and the rest of this stack isn't run, unless something failed before
    bad,
    die,    ///< as bad, and the rest of this stack isn't run
    reset,  ///< as if nothing of this stack had been run
    jump,
};

struct Action {
    Verb verb = Verb::bad;
    int lines = 0;  ///< how many a jump passes over; 0 for every other verb

    friend bool operator==(const Action&, const Action&) = default;
};

/// One action for each code.
using Control = std::array<Action, code_count>;

/// What libpam reads in a control field, brackets taken off. What it can't read fails whatever the module
/// answers. `include` and `substack` are no controls: who reads lines has to know them.
Control parse_control(std::string_view field);

/// Whether two words are the same to libpam, which doesn't mind their case.
bool is_same_word(std::string_view one, std::string_view other);

}  // namespace totp
