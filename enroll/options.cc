#include "enroll/options.h"

#include <optional>

#include <CLI/CLI.hpp>

#include "core/sentence.h"

namespace totp {

Option& Option::is_required() {
    option_->required();
    return *this;
}

Option& Option::is_between(int least, int most) {
    option_->check(CLI::Range(least, most));
    return *this;
}

Option& Option::is_one_of(const std::vector<std::string>& words) {
    const auto kind = option_->get_type_name();  // which a check would lengthen by the words
    option_->check(CLI::IsMember(words))->option_text(kind);
    return *this;
}

Option& Option::shows_default() {
    option_->capture_default_str();
    return *this;
}

void Options::flag(const std::string& name, bool& value, const char* help) {
    app_->add_flag(name, value, tr(help).translated());
}

template <class Value>
Option Options::value(const std::string& name, Value& value, const std::string& kind, const char* help) {
    return Option(*app_->add_option(name, value, tr(help).translated())->type_name(kind));
}

template Option Options::value(const std::string&, std::string&, const std::string&, const char*);
template Option Options::value(const std::string&, std::optional<std::string>&, const std::string&,
                               const char*);
template Option Options::value(const std::string&, std::vector<std::string>&, const std::string&,
                               const char*);
template Option Options::value(const std::string&, int&, const std::string&, const char*);
template Option Options::value(const std::string&, std::optional<int>&, const std::string&, const char*);
template Option Options::value(const std::string&, std::size_t&, const std::string&, const char*);
template Option Options::value(const std::string&, std::optional<std::size_t>&, const std::string&,
                               const char*);

void Options::example(const std::string& command) { app_->footer(tr("Example: %1", {command}).translated()); }

}  // namespace totp
