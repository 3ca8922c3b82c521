// The helper that changes a fleet's database for totp-enroll: for root, by an administrator's certificate.
// Takes no statement but those that stand here.
//
//     totp_administer_postgresql [FILE]    FILE: a settings file in place of those at their places
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>

#include <poll.h>
#include <unistd.h>

#include "core/order.h"
#include "core/policy.h"
#include "core/privilege.h"
#include "pam_module/fleet/identity.h"
#include "pam_module/fleet/postgresql.h"

namespace {

using namespace totp;

constexpr unsigned seconds_to_end = 40;  // more than any order's deadline may be

/// One that an order names. Its parameters are the order's values.
struct Known {
    std::string_view word;
    const char* statement;
    std::size_t values;
    std::size_t secret;  ///< which of them is one, counted from 0; none if it is `values`
};
constexpr Known known[] = {
    {"add_device",
     "SELECT totp.add_device($1::text, $2::text, decode($3::text, 'hex'), $4::text, lower($5::text), "
     "$6::int, $7::int, $8::bigint, $9::text)",
     9, 2},
    {"adopt", "SELECT totp.adopt($1::text, $2::jsonb, $3::text, $4::boolean)", 4, 1},
    {"enrol", "SELECT totp.enrol($1::text, $2::text, decode($3::text, 'hex'), $4::text[])", 4, 2},
    {"has_device", "SELECT totp.has_device($1::text, $2::text)", 2, 2},
    {"new_recovery_codes", "SELECT totp.new_recovery_codes($1::text, $2::int)", 2, 2},
    {"one_more_recovery_code", "SELECT totp.one_more_recovery_code($1::text, make_interval(secs => $2::int))",
     2, 2},
    {"remove", "SELECT totp.remove($1::text)", 1, 1},
    {"remove_device", "SELECT totp.remove_device($1::text, $2::text)", 2, 2},
    {"status", "SELECT totp.status($1::text)", 1, 1},
    {"statuses", "SELECT totp.statuses($1::text, $2::int)", 2, 2},
    {"unlock", "SELECT totp.unlock($1::text)", 1, 1},
};

Failure unusable(const std::string& why) {
    return {Trouble::store, "the database can't be relied on: " + why};
}

/// By the server's word for what is wrong: it makes no sense there, and nothing was done.
bool is_refusal(const std::string& sqlstate) { return sqlstate == "P0002" || sqlstate == "22023"; }

/// Where anything is in doubt it isn't asked again: it may have been done.
Result<Values> facts_in(const Reply& reply) {
    constexpr std::string_view look = "; whether it was done, totp-enroll status tells";
    if (!reply.notices.empty())
        return unusable("the server warns: " + reply.notices.front() + std::string(look));
    if (!reply.failure.empty() && reply.is_committed && is_refusal(reply.sqlstate))
        return Failure{Trouble::input, reply.failure};
    if (!reply.failure.empty())
        return unusable(reply.failure + (reply.is_committed ? "" : std::string(look)));
    if (!reply.is_committed || reply.results != 1) return unusable("its reply isn't one" + std::string(look));
    Values values;
    values.reserve(reply.rows.size());
    for (const auto& row : reply.rows) {
        const auto& text = row.at(0);
        values.push_back(text ? std::optional(SecretBytes(std::string_view(*text))) : std::nullopt);
    }
    return values;
}

/// The connection to the database, from the first order on. It stays for the next one unless anything was in
/// doubt on it.
class Line {
  public:
    explicit Line(Result<Settings> settings) : settings_(std::move(settings)) {}

    Result<Values> obey(const Order& order);

    void hang_up() {
        connection_.reset();
        database_.reset();
    }

  private:
    std::optional<Failure> reach();

    Result<Settings> settings_;
    std::optional<Postgresql> database_;
    std::unique_ptr<Connection> connection_;
};

/// Why there is no connection, if there is none.
std::optional<Failure> Line::reach() {
    if (!settings_) return settings_.failure();
    const auto& settings = settings_->database;
    const Deadline deadline{std::chrono::seconds(settings.deadline)};
    if (connection_) {
        database_->renew(deadline);
        return std::nullopt;
    }
    const auto database = for_administrator(settings);
    if (!database) return database.failure();
    database_.emplace(*database, deadline);
    auto connection = database_->next();
    if (!connection) return unusable(connection.failure().message.english());
    connection_ = *std::move(connection);
    return std::nullopt;
}

Result<Values> Line::obey(const Order& order) {
    const auto* found = std::ranges::find(known, order.word, &Known::word);
    if (found == std::end(known) || found->values != order.values.size())
        return unusable("no such order is known: is totp-enroll of the same version?");
    Statement statement{found->statement, {}};
    statement.parameters.reserve(order.values.size());
    for (std::size_t i = 0; i < order.values.size(); ++i)
        statement.parameters.push_back({order.values[i], i == found->secret});
    if (auto failure = reach()) {
        hang_up();
        return *std::move(failure);
    }
    auto facts = facts_in(connection_->run(statement));
    if (!facts && facts.failure().trouble != Trouble::input) hang_up();
    return facts;
}

// ---- orders and answers

/// Whether there is something to read, or the end, before that time is over.
bool is_ready(int milliseconds) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return poll(&input, 1, milliseconds) != 0;
}

/// What comes up to an end; nothing at the end of all. What may take a person's time isn't waited for on an
/// open connection.
std::optional<SecretBytes> next_message(Line& line) {
    constexpr int milliseconds_to_keep_connection = 2'000;
    SecretBytes message;
    SecretBytes part(longest_order);
    while (!message.text().ends_with(end_of_message) && message.size() <= longest_order) {
        if (!is_ready(milliseconds_to_keep_connection)) line.hang_up();
        const auto count = read(STDIN_FILENO, part.data(), part.size());
        if (count <= 0) break;
        message.append(part.text().substr(0, static_cast<std::size_t>(count)));
    }
    return message.empty() ? std::nullopt : std::optional(std::move(message));
}

bool answer(const Result<Values>& facts) {
    const auto text = format_facts(facts);
    return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

Result<Settings> settings_in(const std::string& file) {
    return file.empty() ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0})
                        : read_settings_file(file, 0);
}

/// Until there are no more, or one isn't understood: then nothing that follows is.
bool answer_all(Line line) {
    while (const auto message = next_message(line)) {
        const auto order = parse_order(message->text());
        if (!order) return answer(unusable("the order makes no sense"));
        alarm(seconds_to_end);
        if (!answer(line.obey(*order))) return false;
        alarm(0);
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    if (getuid() != 0 || count > 2 || !distrust_caller()) return 1;
    clearenv();
    setsid();  // no key at totp-enroll's terminal ends an order that it lets be finished
    return answer_all(Line(settings_in(count == 2 ? words[1] : ""))) ? 0 : 1;
}
