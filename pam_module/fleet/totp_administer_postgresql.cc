// The helper that changes a fleet's database for totp-enroll: for root, by an administrator's certificate.
// Takes no statement but those that stand here.
//
//     totp_administer_postgresql [FILE]    FILE: a settings file in place of those at their places
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include <unistd.h>

#include "core/descriptor.h"
#include "core/order.h"
#include "core/policy.h"
#include "core/privilege.h"
#include "pam_module/fleet/identity.h"
#include "pam_module/fleet/postgresql.h"

namespace {

using namespace totp;

constexpr unsigned seconds_to_end = 40;  // more than any deadline may be

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
     "$6::int, $7::int, "
     "$8::bigint)",
     8, 2},
    {"new_recovery_codes", "SELECT totp.new_recovery_codes($1::text, $2::int)", 2, 2},
    {"one_more_recovery_code", "SELECT totp.one_more_recovery_code($1::text, make_interval(secs => $2::int))",
     2, 2},
    {"remove", "SELECT totp.remove($1::text)", 1, 1},
    {"remove_device", "SELECT totp.remove_device($1::text, $2::text)", 2, 2},
    {"status", "SELECT totp.status($1::text)", 1, 1},
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

Result<Values> obey(const Order& order, const Settings& settings) {
    const auto* found = std::ranges::find(known, order.word, &Known::word);
    if (found == std::end(known) || found->values != order.values.size())
        return unusable("no such order is known: is totp-enroll of the same version?");
    Statement statement{found->statement, {}};
    statement.parameters.reserve(order.values.size());
    for (std::size_t i = 0; i < order.values.size(); ++i)
        statement.parameters.push_back({order.values[i], i == found->secret});
    const auto database = for_administrator(settings.database);
    if (!database) return database.failure();
    Postgresql connections(*database, Deadline(std::chrono::seconds(database->deadline)));
    const auto connection = connections.next();
    if (!connection) return unusable(connection.failure().message.english());
    return facts_in((*connection)->run(statement));
}

Result<Values> obey_stdin(const std::string& settings_file) {
    const Descriptor input(dup(STDIN_FILENO));
    SecretBytes text;
    if (!input || read_whole(input, longest_order, text) != 0 || text.size() > longest_order)
        return unusable("the order can't be read");
    const auto order = parse_order(text.text());
    if (!order) return unusable("the order makes no sense");
    const auto settings = settings_file.empty()
                              ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0})
                              : read_settings_file(settings_file, 0);
    return settings ? obey(*order, *settings) : settings.failure();
}

}  // namespace

int main(int count, char** words) {
    if (getuid() != 0 || count > 2 || !distrust_caller()) return 1;
    clearenv();
    alarm(seconds_to_end);
    const auto answer = format_facts(obey_stdin(count == 2 ? words[1] : ""));
    return write(STDOUT_FILENO, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()) ? 0 : 1;
}
