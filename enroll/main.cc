// totp-enroll: the command table.
#include <algorithm>
#include <clocale>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <syslog.h>
#include <CLI/CLI.hpp>

#include "core/privilege.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/options.h"
#include "enroll/terminal.h"

namespace {

using namespace totp;

struct Entry {
    std::string name;
    Sentence summary;
    std::unique_ptr<Command> (*make)();
};

const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {"add", tr("Enrol, or add a device"), make_add},
        {"status", tr("Show what is enrolled and how it stands"), make_status},
        {"verify", tr("Try a code without logging in"), make_verify},
        {"remove", tr("Take a device, or the whole enrolment, away"), make_remove},
        {"recovery", tr("Make new recovery codes; the old ones are void"), make_recovery},
        {"forget", tr("Forget the places you have logged in from"), make_forget},
        {"resync", tr("Bring a device back into step, by two codes in a row"), make_resync},
        {"unlock", tr("Clear the failure counts after too many wrong codes"), make_unlock},
        {"token", tr("Let somebody enrol themselves in a database, once (root)"), make_token},
        {"rekey", tr("Seal everything under a new host key (root)"), make_rekey},
        {"check", tr("Look at this machine as a doctor, and say what to change"), make_check},
        {"import", tr("Take over what other programs enrolled (root)"), make_import},
        {"export", tr("Show the key of a device again, for moving on (root)"), make_export},
        {"bulk", tr("Enrol many from a list, each with what to hand over (root)"), make_bulk},
        {"prepare", tr("Make the store and the host key (root, at installation)"), make_prepare},
    };
    return entries;
}

/// Whether this argument is an option whose value is the argument after it.
bool takes_the_next(CLI::App& app, const std::string& argument) {
    if (!argument.starts_with("--") || argument.find('=') != std::string::npos) return false;
    auto everywhere = app.get_subcommands({});
    everywhere.push_back(&app);
    return std::ranges::any_of(everywhere, [&](const CLI::App* each) {
        const auto* option = each->get_option_no_throw(argument);
        return option != nullptr && option->get_items_expected_max() > 0;
    });
}

/// Without a command it is `add`: put in where the command would stand.
std::vector<std::string> with_default_command(CLI::App& app, std::vector<std::string> arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& argument = arguments[i];
        if (argument == "--help" || argument == "-h" || argument == "--version") return arguments;
        if (!argument.starts_with("-")) {
            if (std::ranges::count(table(), argument, &Entry::name) > 0) return arguments;
            break;
        }
        if (takes_the_next(app, argument)) ++i;
    }
    arguments.insert(arguments.begin(), "add");
    return arguments;
}

void declare_shared(CLI::App& app, SharedOptions& shared) {
    Options options(app);
    options.value("--user", shared.user, "NAME", "The account to act on (root)");
    options.flag("--local", shared.is_local,
                 "This machine's accounts, where a database has the others (root)");
    options.flag("--json", shared.json, "Facts as JSON on stdout, nothing else there");
    options.value("--config", shared.config, "FILE", "Another settings file (root)");
    options.value("--store", shared.store, "DIR", "Another store (root)");
    options.value("--key", shared.key, "FILE", "Another host key (root)");
}

void set_help_flag(CLI::App& app) {
    app.set_help_flag("-h,--help", tr("Print this help message and exit").translated());
}

/// What CLI11 would say in English beside our own words.
void speak_language_of_locale(CLI::App& app) {
    app.option_defaults()->group(tr("Options").translated());
    set_help_flag(app);
    app.set_version_flag("--version", PAM_TOTP_VERSION,
                         tr("Display program version information and exit").translated());
    for (const auto& [label, word] :
         {std::pair("Usage", tr("Usage")), std::pair("OPTIONS", tr("OPTIONS")),
          std::pair("SUBCOMMAND", tr("SUBCOMMAND")), std::pair("REQUIRED", tr("REQUIRED")),
          std::pair("Positionals", tr("Positionals"))}) {
        app.get_formatter()->label(label, word.translated());
    }
}

/// The help that has what was got wrong. Where no command was given, what isn't known may be meant as one.
std::string help_about(const CLI::ParseError& error, const CLI::App& app, bool is_command_given) {
    const auto commands = app.get_subcommands();
    const bool is_unknown = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    if (commands.empty() || (is_unknown && !is_command_given)) return "totp-enroll --help";
    return "totp-enroll " + commands.front()->get_name() + " --help";
}

int run(std::vector<std::string> arguments) {
    CLI::App app(tr("One-time codes for logins: enrol, and look after what is enrolled.").translated(),
                 "totp-enroll");
    speak_language_of_locale(app);
    app.require_subcommand(1);
    app.fallthrough();
    SharedOptions shared;
    declare_shared(app, shared);

    std::vector<std::unique_ptr<Command>> commands;
    Command* chosen = nullptr;
    for (const auto& [name, summary, make] : table()) {
        auto* const command = commands.emplace_back(make()).get();
        auto* const subcommand = app.add_subcommand(name, summary.translated());
        subcommand->group(tr("Subcommands").translated());
        set_help_flag(*subcommand);  // once more: it came before the name of its group
        Options options(*subcommand);
        command->declare(options);
        subcommand->callback([&chosen, command] { chosen = command; });
    }
    const auto given = arguments.size();
    arguments = with_default_command(app, std::move(arguments));
    const bool is_command_given = arguments.size() == given;
    try {
        std::ranges::reverse(arguments);  // as CLI11 wants them
        app.parse(arguments);
    } catch (const CLI::Success& request) {  // --help, --version
        std::ostringstream text;
        app.exit(request, text, text);
        print(text.str());
        return exit_done;
    } catch (const CLI::ParseError& error) {
        complain(tr("%1: see %2", {sentence_about(error, app), help_about(error, app, is_command_given)}));
        return exit_usage;
    }
    try {
        return chosen->run(shared);
    } catch (const OutputFailed& failed) {
        const auto way_out = chosen->way_out_of_lost_output();
        complain(
            way_out.empty()
                ? tr("stdout takes nothing: %1: what was to be shown is lost", {failed.reason})
                : tr("stdout takes nothing: %1: what was to be shown is lost%2", {failed.reason, way_out}));
        return exit_unusable;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool is_distrusted = distrust_caller();
    for (const auto category : {LC_CTYPE, LC_MESSAGES}) static_cast<void>(std::setlocale(category, ""));
    if (!is_distrusted) {
        complain(tr("can't run like this: it must be setgid, not setuid"));
        return exit_unusable;
    }
    openlog("totp-enroll", LOG_PID, LOG_AUTHPRIV);
    try {
        return run({argv + std::min(argc, 1), argv + argc});
    } catch (const OutputFailed& failed) {
        complain(tr("stdout takes nothing: %1", {failed.reason}));
        return exit_unusable;
    } catch (const Interrupted&) {
        return exit_refused;
    } catch (const std::exception& bug) {
        complain(tr("internal error: %1", {bug.what()}));
        return exit_unusable;
    }
}
