#include "enroll/json.h"

#include "enroll/terminal.h"

namespace totp {
namespace {

/// Apart from the commands, for it takes as long to compile as one of them.
void print_json(const Json& facts, int indent) {
    print(facts.dump(indent, ' ', false, Json::error_handler_t::replace));
    print("\n");
}

}  // namespace

void print_json(const Json& facts) { print_json(facts, 2); }

void print_json_line(const Json& facts) { print_json(facts, -1); }

std::string text_of(const Json& text) { return std::string(text.get_ref<const SecretText&>()); }

}  // namespace totp
