#include "enroll/options.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>

#include "core/decimal.h"
#include "core/percent.h"

namespace totp {
namespace {

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += text.empty() ? "" : ", ";
        text += printable(word);
    }
    return text;
}

/// Those of the command that was given, and the shared ones.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
    auto options = app.get_options();
    for (const auto* command : app.get_subcommands()) {
        const auto more = command->get_options();
        options.insert(options.end(), more.begin(), more.end());
    }
    return options;
}

/// Which option CLI11 complains of; the one with the longest of the names that are in its words: --key-from,
/// not --key.
const CLI::Option* blamed_option(const CLI::ParseError& error, const CLI::App& app) {
    const std::string_view complaint = error.what();
    const CLI::Option* blamed = nullptr;
    for (const auto* option : options_of(app)) {
        const bool is_named = complaint.find(option->get_name()) != std::string_view::npos;
        const bool is_longer = blamed == nullptr || option->get_name().size() > blamed->get_name().size();
        if (is_named && is_longer) blamed = option;
    }
    return blamed;
}

std::vector<std::string> missing_options(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : options_of(app)) {
        if (option->get_required() && option->count() == 0) names.push_back(option->get_name());
    }
    return names;
}

}  // namespace

Option& Option::is_required() {
    option_->required();
    return *this;
}

/// Read by us first: CLI11 takes 060 for 48, as C does.
Option& Option::is_between(int least, int most) {
    const auto wrong_number = [least, most](const std::string& value) -> std::string {
        const auto text = printable(value);
        if (value.starts_with('+') || (value.size() > 1 && value.starts_with('0')))
            return tr("%1 begins with 0 or +: give the number without it", {text}).translated();
        const auto number = parse_decimal<unsigned>(value);
        const bool is_in_range =
            number && std::cmp_greater_equal(*number, least) && std::cmp_less_equal(*number, most);
        return is_in_range ? "" : tr("%1 isn't a number from %2 to %3", {text, least, most}).translated();
    };
    option_->check(wrong_number, "INT in [" + std::to_string(least) + " - " + std::to_string(most) + "]");
    return *this;
}

Option& Option::is_one_of(const std::vector<std::string>& words) {
    const auto wrong_word = [words](const std::string& value) -> std::string {
        if (std::ranges::find(words, value) != words.end()) return "";
        return tr("%1 isn't one of %2", {printable(value), listed(words)}).translated();
    };
    option_->check(wrong_word);
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

Sentence sentence_about(const CLI::ParseError& error, const CLI::App& app) {
    const auto& kind = error.get_name();  // of what isn't expected it is the command's
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
        const auto unknown = app.remaining(true);
        return tr_n("the argument %2 isn't known", "the arguments %2 aren't known",
                    static_cast<std::int64_t>(unknown.size()), {listed(unknown)});
    }
    const auto missing = missing_options(app);
    if (kind == "RequiredError" && !missing.empty()) return tr("%1 is missing", {listed(missing)});
    const auto* const option = blamed_option(error, app);
    if (kind == "ArgumentMismatch" && option != nullptr) {
        return option->count() > 1 ? tr("%1 stands there more than once", {option->get_name()})
                                   : tr("%1 has no value", {option->get_name()});
    }
    if (kind == "ConversionError" && option != nullptr) return tr("%1 takes no value", {option->get_name()});
    return error.what();  // a check's, which speaks the language already
}

}  // namespace totp
