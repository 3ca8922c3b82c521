#include "pam_module/fleet/reply.h"

#include <algorithm>
#include <iterator>

#include "pam_module/check_protocol.h"

namespace totp {
namespace {

constexpr std::string_view one_row = "SELECT 1";

Doubt for_good(std::string why) { return {std::move(why)}; }

/// What keeps a reply from counting, whatever it says.
std::optional<Doubt> doubt_about(const Reply& reply) {
    // A server that gave up waiting for its standby says so in a warning, and then that all is committed.
    if (!reply.notices.empty()) return for_good("the server warns: " + reply.notices.front());
    if (!reply.failure.empty()) {
        const auto state = reply.sqlstate.empty() ? "" : " (SQLSTATE " + reply.sqlstate + ")";
        return Doubt{reply.failure + state, reply.is_connection_lost, is_shut_out(reply)};
    }
    if (!reply.is_committed)
        return Doubt{.why = "the reply isn't known to be committed", .may_ask_again = true};
    const bool is_one_row = reply.results == 1 && reply.command == one_row && reply.rows.size() == 1;
    if (!is_one_row) return for_good("the reply isn't one row");
    if (!std::ranges::equal(reply.columns, reply_columns) ||
        reply.rows.front().size() != std::size(reply_columns)) {
        return for_good("the reply has other columns: is totp.verify() of the same version?");
    }
    return std::nullopt;
}

/// The row in the words of check_protocol, which has the rules for what goes with what.
std::string line_of(const Reply::Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (!row[i]) continue;
        line += line.empty() ? "" : " ";
        line += std::string(reply_columns[i]) + "=" + *row[i];
    }
    return line + "\n";
}

/// A verdict that may come as a reply to this question.
bool may_be_said(const Outcome& outcome, Asked asked) {
    if (is_let_in(outcome)) return asked != Asked::charge && !outcome.device.empty();
    return outcome.verdict == Verdict::refused ? outcome.reason != Reason::none
                                               : outcome.verdict == Verdict::throttled;
}

Meaning meaning_of_row(const Reply::Row& row, Asked asked) {
    const auto verdict = row.front().value_or("");
    const bool is_bare = std::all_of(row.begin() + 1, row.end(), [](const auto& word) { return !word; });
    if (asked == Asked::enrolled) {
        if (is_bare && verdict == "enrolled") return true;
        if (is_bare && verdict == "unenrolled") return false;
    } else if (is_bare && verdict == "pending" && asked != Asked::verdict) {
        return Pending{};
    } else if (auto outcome = parse_outcome(line_of(row))) {
        if (may_be_said(*outcome, asked)) return *std::move(outcome);
        if (outcome->verdict == Verdict::unavailable)
            return for_good("it can't decide on the attempt any more");
    }
    return for_good("the reply makes no sense here: is totp.verify() of the same version?");
}

}  // namespace

Meaning meaning_of(const Reply& reply, Asked asked) {
    if (auto doubt = doubt_about(reply)) return *std::move(doubt);
    return meaning_of_row(reply.rows.front(), asked);
}

bool is_shut_out(const Reply& reply) {
    return reply.sqlstate == "42501" && reply.failure.ends_with(" is switched off");
}

}  // namespace totp
