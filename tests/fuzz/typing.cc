#include "tests/fuzz/typing.h"

#include "tests/fuzz/fake_machine.h"

namespace {

constexpr std::size_t longest_text = 65'536;

/// Of alice's phone, or of the one that the user is about to enrol.
std::string phones_code(const std::string& user, int steps_ahead) {
    const auto phone = user == "alice" ? machine::alices(machine::phone) : machine::pending_of(user);
    if (!phone) return "000000";
    const auto step = totp::time_step(machine::now(), phone->credential.period);
    return machine::code_of(phone->credential, step + static_cast<totp::Counter>(steps_ahead));
}

std::string tokens_code() {
    const auto records = machine::records_of_alice();
    const auto token = machine::alices(machine::token);
    const auto* state = records ? records->state.device(token->id) : nullptr;
    return machine::code_of(token->credential, state != nullptr ? state->next.value_or(0) : 0);
}

void repeat(std::string& text) {
    const auto once = text;
    for (int i = 1; i < 32 && text.size() + once.size() <= longest_text; ++i) text += once;
}

}  // namespace

std::string typed(std::string_view text, const std::string& user) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '@': result += phones_code(user, 0); break;
            case '[': result += phones_code(user, -1); break;
            case ']': result += phones_code(user, 1); break;
            case '#': result += tokens_code(); break;
            case '%': result += machine::recovery_code(); break;
            case '$': result += secret_word; break;
            case '*': repeat(result); break;
            default: result += c;
        }
    }
    return result.c_str();  // what C makes of it
}

std::string without_separators(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c != ' ' && c != '\t' && c != '-') result += c;
    }
    return result;
}
