#include "enroll/json.h"

#include "enroll/terminal.h"

namespace totp {
namespace {

/// Apart from the commands, for it takes as long to compile as one of them.
SecretText dump(const Json& facts, int indent) {
    return facts.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void print_json(const Json& facts) { print(dump(facts, 2)); }

void print_json_line(const Json& facts) { print(json_line_of(facts)); }

SecretText json_line_of(const Json& facts) { return dump(facts, -1); }

std::string text_of(const Json& text) { return std::string(text.get_ref<const SecretText&>()); }

}  // namespace totp
