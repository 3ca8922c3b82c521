// The options of a command: their names, where their values go, what --help says of them. What reads a
// command line by them, CLI11, is included by options.cc and main.cc alone: it takes seconds to compile.
#pragma once

#include <string>
#include <vector>

#include "core/sentence.h"

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace totp {

/// One option that has a value.
class Option {
  public:
    explicit Option(CLI::Option& option) : option_(&option) {}

    Option& is_required();
    Option& is_between(int least, int most);  ///< both included
    Option& is_one_of(
        const std::vector<std::string>&);  ///< these words, which the help leaves to its sentence
    Option& shows_default();               ///< what the value is now stands in the help

  private:
    CLI::Option* option_;
};

/// What the help says is a literal: po/update finds it by the name of the function.
class Options {
  public:
    explicit Options(CLI::App& app) : app_(&app) {}

    /// An option that is there or isn't.
    void flag(const std::string& name, bool& value, const char* help);

    /// An option with a value, which stays as it is where the option isn't given. A name without hyphens is
    /// that of an argument.
    ///
    /// `Value`  std::string, int, std::size_t, an optional of one of these, or a vector of strings.
    /// `kind`   what the help calls the value: NAME, FILE, N.
    template <class Value>
    Option value(const std::string& name, Value& value, const std::string& kind, const char* help);

    void example(const std::string& command);

  private:
    CLI::App* app_;
};

/// What is wrong with the arguments that `app` couldn't parse, in our words in place of CLI11's.
Sentence sentence_about(const CLI::ParseError& error, const CLI::App& app);

}  // namespace totp
