#include "pam_module/fleet/postgresql.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>

#include <libpq-fe.h>
#include <poll.h>

#include "pam_module/fleet/addresses.h"

namespace totp {
namespace {

constexpr const char* too_late = "no answer in time";

using OwnedResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// ---- what is said of it in the log

/// One line of at most 300 bytes.
std::string one_line(std::string_view text) {
    constexpr std::size_t longest = 300;
    std::string line;
    for (const char c : text.substr(0, longest)) {
        const bool is_gap = c == '\n' || c == '\t' || c == ' ';
        if (!is_gap) line += c > ' ' && c < 127 ? c : '?';
        if (is_gap && !line.empty() && line.back() != ' ') line += ' ';
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

/// In one line; a server that quotes what it was given would have it in the log. It is looked for before the
/// line changes what stands there, or is cut off.
std::string without_secrets(const std::string& message, const Statement& statement) {
    const bool is_repeated = std::ranges::any_of(statement.parameters, [&](const Parameter& parameter) {
        return parameter.is_secret && parameter.text && !parameter.text->empty() &&
               message.find(parameter.text->text()) != std::string::npos;
    });
    return is_repeated ? "(a message that repeats what was typed)" : one_line(message);
}

// ---- waiting

/// False when the time is over.
bool wait_until_ready(const PGconn* connection, short events, const Deadline& deadline) {
    pollfd ready{.fd = PQsocket(connection), .events = events, .revents = 0};
    for (;;) {
        const int count = poll(&ready, 1, static_cast<int>(deadline.left().count()));
        if (count > 0) return true;
        if (count == 0 || errno != EINTR) return false;
    }
}

// ---- one connection

class PostgresqlConnection : public Connection {
  public:
    PostgresqlConnection(const char* const* names, const char* const* values,
                         std::shared_ptr<const Deadline> deadline)
        : connection_(PQconnectStartParams(names, values, 0), PQfinish), deadline_(std::move(deadline)) {
        if (connection_) PQsetNoticeReceiver(connection_.get(), note, &notices_);
    }

    /// Empty once it is there; else why it isn't.
    std::string establish(const Deadline& deadline);

    Reply run(const Statement& statement) override;

  private:
    static void note(void* notices, const PGresult* notice) {
        static_cast<std::vector<std::string>*>(notices)->push_back(PQresultErrorMessage(notice));
    }

    bool send(const Statement& statement);
    /// False where nothing more will come in time.
    bool has_result();
    void take(const PGresult* result, Reply& reply) const;
    /// As libpq has it.
    std::string failure() const {
        return deadline_->is_over() ? too_late : PQerrorMessage(connection_.get());
    }

    std::vector<std::string> notices_;  ///< since it was there, as libpq has them
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    std::shared_ptr<const Deadline> deadline_;
};

std::string PostgresqlConnection::establish(const Deadline& deadline) {
    if (!connection_) return "no memory";
    auto* connection = connection_.get();
    if (PQstatus(connection) == CONNECTION_BAD) return one_line(PQerrorMessage(connection));
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection)) {
        if (state == PGRES_POLLING_FAILED) return one_line(PQerrorMessage(connection));
        if (!wait_until_ready(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
            return "connection to server at \"" + std::string(PQhost(connection)) + "\" (" +
                   PQhostaddr(connection) + "), port " + PQport(connection) + " failed: " + too_late;
        }
    }
    notices_.clear();  // they are about the server, as about a collation's version, and about no statement
    return PQsetnonblocking(connection, 1) == 0 ? "" : one_line(failure());
}

/// As text, which libpq wants to end in a NUL.
bool PostgresqlConnection::send(const Statement& statement) {
    auto parameters = statement.parameters;
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (auto& [text, is_secret] : parameters) {
        if (text) text->append(std::string_view("\0", 1));
        values.push_back(text ? text->text().data() : nullptr);
    }
    constexpr int as_text = 0;
    return PQsendQueryParams(connection_.get(), statement.text, static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, as_text) == 1;
}

bool PostgresqlConnection::has_result() {
    auto* connection = connection_.get();
    for (;;) {
        const int unsent = PQflush(connection);
        if (unsent < 0) return false;
        if (unsent == 0 && PQisBusy(connection) == 0) return true;
        const short events = unsent == 0 ? POLLIN : POLLIN | POLLOUT;
        if (!wait_until_ready(connection, events, *deadline_) || PQconsumeInput(connection) != 1)
            return false;
    }
}

void PostgresqlConnection::take(const PGresult* result, Reply& reply) const {
    ++reply.results;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        reply.failure = message != nullptr ? message : "a result of a kind that wasn't asked for";
        reply.sqlstate = state != nullptr ? state : "";
        return;
    }
    reply.command = PQcmdStatus(const_cast<PGresult*>(result));
    for (int column = 0; column < PQnfields(result); ++column)
        reply.columns.emplace_back(PQfname(result, column));
    for (int row = 0; row < PQntuples(result); ++row) {
        auto& fields = reply.rows.emplace_back();
        fields.reserve(static_cast<std::size_t>(PQnfields(result)));
        for (int column = 0; column < PQnfields(result); ++column) {
            const bool is_null = PQgetisnull(result, row, column) == 1;
            fields.push_back(is_null ? std::nullopt
                                     : std::optional<std::string>(PQgetvalue(result, row, column)));
        }
    }
}

/// The row comes before the transaction's end: only with the last result's end is it known to be committed.
Reply PostgresqlConnection::run(const Statement& statement) {
    constexpr int most_results = 2;  // a row, and the failure of its commit
    Reply reply;
    auto* connection = connection_.get();
    bool is_read = false;
    if (send(statement)) {
        while (!is_read && reply.results <= most_results && has_result()) {
            const OwnedResult result(PQgetResult(connection), PQclear);
            if (result) take(result.get(), reply);
            is_read = !result;
        }
    }
    reply.is_committed = is_read && PQtransactionStatus(connection) == PQTRANS_IDLE;
    reply.is_connection_lost = !is_read || PQstatus(connection) == CONNECTION_BAD;
    if (!is_read && reply.failure.empty()) reply.failure = failure();
    reply.failure = without_secrets(reply.failure, statement);
    reply.notices = notices_;
    for (auto& notice : reply.notices) notice = without_secrets(notice, statement);
    return reply;
}

}  // namespace

// ---- which connection

Postgresql::Postgresql(Database database, Deadline deadline)
    : database_(std::move(database)), deadline_(std::make_shared<Deadline>(deadline)) {}

void Postgresql::find_targets(std::string& failures) {
    if (!targets_.empty()) return;
    for (const auto& host : database_.hosts) {
        const auto addresses = addresses_of(host.name, deadline_->shared_by(2));
        if (!addresses) {
            failures += addresses.failure().message.english() + "; ";
            continue;
        }
        for (const auto& address : *addresses) targets_.push_back({host, address});
    }
}

Result<std::unique_ptr<Connection>> Postgresql::connect(const Target& target,
                                                        const Deadline& deadline) const {
    const auto port = std::to_string(target.host.port);
    const std::pair<const char*, const char*> parameters[] = {
        {"host", target.host.name.c_str()},
        {"hostaddr", target.address.c_str()},
        {"port", port.c_str()},
        {"dbname", database_.name.c_str()},
        {"user", database_.user.c_str()},
        {"passfile", "/dev/null"},
        {"sslmode", "verify-full"},
        {"sslcert", database_.certificate.c_str()},
        {"sslkey", database_.private_key.c_str()},
        {"sslrootcert", database_.root_certificate.c_str()},
        {"sslcrl", "/dev/null"},  // else ~/.postgresql/root.crl
        {"ssl_min_protocol_version", "TLSv1.2"},
        {"gssencmode", "disable"},
        {"target_session_attrs", "read-write"},
        {"client_encoding", "UTF8"},
        {"application_name", "pam-totp"},
        {nullptr, nullptr},
    };
    std::vector<const char*> names;
    std::vector<const char*> values;
    names.reserve(std::size(parameters));
    values.reserve(std::size(parameters));
    for (const auto& [name, value] : parameters) {
        names.push_back(name);
        values.push_back(value);
    }
    auto connection = std::make_unique<PostgresqlConnection>(names.data(), values.data(), deadline_);
    const auto failure = connection->establish(deadline);
    if (!failure.empty()) return Failure{Trouble::store, failure};
    return std::unique_ptr<Connection>(std::move(connection));
}

/// A host that doesn't answer must leave time for those after it.
Result<std::unique_ptr<Connection>> Postgresql::next() {
    std::string failures;
    find_targets(failures);
    for (std::size_t i = 0; i < targets_.size() && !deadline_->is_over(); ++i) {
        auto connection = connect(targets_[i], deadline_->shared_by(targets_.size() - i));
        if (connection) return connection;
        failures += targets_[i].host.name + ": " + connection.failure().message.english() + "; ";
    }
    if (deadline_->is_over()) return Failure{Trouble::store, failures + "the time is over"};
    return Failure{Trouble::store, failures + "no other host is named"};
}

}  // namespace totp
