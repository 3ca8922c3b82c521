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
#include "enroll/terminal.h"

namespace {

using namespace totp;

struct Entry {
    std::string name;
    std::string summary;
    std::unique_ptr<Command> (*make)();
};

const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {"add", "Enrol, or add a device", make_add},
        {"status", "Show what is enrolled and how it stands", make_status},
        {"verify", "Try a code without logging in", make_verify},
        {"remove", "Take a device, or the whole enrolment, away", make_remove},
        {"recovery", "Make new recovery codes; the old ones are void", make_recovery},
        {"forget", "Forget the places you have logged in from", make_forget},
        {"resync", "Bring a device back into step, by two codes in a row", make_resync},
        {"unlock", "Clear the failure counts after too many wrong codes", make_unlock},
        {"rekey", "Seal everything under a new host key (root)", make_rekey},
        {"check", "Look at this machine as a doctor, and say what to change", make_check},
        {"import", "Take over what other programs enrolled (root)", make_import},
        {"export", "Show the key of a device again, for moving on (root)", make_export},
        {"bulk", "Enrol many from a list, each with what to hand over (root)", make_bulk},
        {"prepare", "Make the store and the host key (root, at installation)", make_prepare},
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
    app.add_option("--user", shared.user, "The account to act on (root)")->type_name("NAME");
    app.add_flag("--json", shared.json, "Facts as JSON on stdout, nothing else there");
    app.add_option("--config", shared.config, "Another settings file (root)")->type_name("FILE");
    app.add_option("--store", shared.store, "Another store (root)")->type_name("DIR");
    app.add_option("--key", shared.key, "Another host key (root)")->type_name("FILE");
}

int run(std::vector<std::string> arguments) {
    CLI::App app("One-time codes for logins: enrol, and look after what is enrolled.", "totp-enroll");
    app.set_version_flag("--version", PAM_TOTP_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    SharedOptions shared;
    declare_shared(app, shared);

    std::vector<std::unique_ptr<Command>> commands;
    Command* chosen = nullptr;
    for (const auto& [name, summary, make] : table()) {
        auto* const command = commands.emplace_back(make()).get();
        auto* const subcommand = app.add_subcommand(name, summary);
        Options options(*subcommand);
        command->declare(options);
        subcommand->callback([&chosen, command] { chosen = command; });
    }
    try {
        arguments = with_default_command(app, std::move(arguments));
        std::ranges::reverse(arguments);  // as CLI11 wants them
        app.parse(arguments);
    } catch (const CLI::Success& request) {  // --help, --version
        std::ostringstream text;
        app.exit(request, text, text);
        print(text.str());
        return exit_done;
    } catch (const CLI::ParseError& error) {
        complain(std::string(error.what()) + ". See totp-enroll --help");
        return exit_usage;
    }
    try {
        return chosen->run(shared);
    } catch (const OutputFailed& failed) {
        complain(std::string(failed.what()) + ": what was to be shown is lost" +
                 chosen->way_out_of_lost_output());
        return exit_unusable;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (!distrust_caller()) {
        complain("can't run like this: it must be setgid, not setuid");
        return exit_unusable;
    }
    static_cast<void>(std::setlocale(LC_CTYPE, ""));
    openlog("totp-enroll", LOG_PID, LOG_AUTHPRIV);
    try {
        return run({argv + std::min(argc, 1), argv + argc});
    } catch (const OutputFailed& failed) {
        complain(failed.what());
        return exit_unusable;
    } catch (const Interrupted&) {
        return exit_refused;
    } catch (const std::exception& bug) {
        complain(std::string("internal error: ") + bug.what());
        return exit_unusable;
    }
}
