// A connection to a database, as far as anyone needs to know who asks over it: one statement, and all that
// came of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

/// What stands for $1, $2… in a statement.
struct Parameter {
    std::optional<SecretBytes> text;  ///< nothing: NULL
    bool is_secret = false;           ///< no message that repeats it reaches the log
};

struct Statement {
    const char* text = "";
    std::vector<Parameter> parameters;
};

/// All that came of one statement, in a transaction of its own.
struct Reply {
    using Row = std::vector<std::optional<std::string>>;  ///< nothing: NULL

    int results = 0;                   ///< that came, failed ones included
    std::vector<std::string> columns;  ///< of the last one
    std::vector<Row> rows;             ///< likewise
    std::string command;               ///< the server's word that the statement is complete: "SELECT 1"
    bool is_committed = false;         ///< all was read, and the server has no transaction open
    std::string failure;               ///< what went wrong, said for the log; empty: nothing
    std::string sqlstate;              ///< the server's word for it, where it has one
    bool is_connection_lost = false;   ///< where something went wrong: the server may have done it all
    std::vector<std::string>
        notices;  ///< since the connection was there: whatever the server said beside, warnings included
};

/// To a server that takes writes.
class Connection {
  public:
    virtual ~Connection() = default;

    /// Runs it in a transaction of its own, and reads all that comes of it.
    virtual Reply run(const Statement& statement) = 0;
};

/// Where connections come from.
class Connections {
  public:
    virtual ~Connections() = default;

    /// Another one, or why there is none in the time that is left.
    virtual Result<std::unique_ptr<Connection>> next() = 0;
};

}  // namespace totp
