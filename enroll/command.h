// What a command is to the command table in main.
#pragma once

#include <memory>

#include <CLI/CLI.hpp>

#include "enroll/session.h"

namespace totp {

/// Its options are its members: declare() binds them, run() reads them.
class Command {
  public:
    virtual ~Command() = default;

    virtual void declare(CLI::App& app) = 0;

    /// Does it; what it returns is the exit code.
    virtual int run(Session session) = 0;
};

std::unique_ptr<Command> make_add();
std::unique_ptr<Command> make_status();
std::unique_ptr<Command> make_verify();
std::unique_ptr<Command> make_remove();

}  // namespace totp
