#include "enroll/bulk/account_list.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/enrolment.h"
#include "core/percent.h"
#include "enroll/device_name.h"
#include "enroll/foreign/lines.h"

namespace totp {
namespace {

struct Column {
    std::string_view name;
    std::string ListedAccount::*value;
};

constexpr std::array<Column, 4> known_columns = {{
    {"user", &ListedAccount::user},
    {"device", &ListedAccount::device},
    {"issuer", &ListedAccount::issuer},
    {"label", &ListedAccount::label},
}};

using Heading = std::vector<const Column*>;

// ---- comma-separated values

/// Takes the quoted value that `rest` begins with. False where its end isn't on this line.
bool take_quoted(std::string_view& rest, std::string& value) {
    rest.remove_prefix(1);
    for (;;) {
        const auto quote = rest.find('"');
        if (quote == std::string_view::npos) return false;
        value += rest.substr(0, quote);
        rest.remove_prefix(quote + 1);
        if (!rest.starts_with('"')) return true;
        value += '"';
        rest.remove_prefix(1);
    }
}

/// The values of a line; a failure is a clause.
Result<std::vector<std::string>> values_of(std::string_view line) {
    std::vector<std::string> values;
    for (auto rest = without_blanks(line);; rest.remove_prefix(1)) {
        std::string value;
        rest = without_blanks(rest);
        const bool is_quoted = rest.starts_with('"');
        if (is_quoted && !take_quoted(rest, value)) return input_failure(tr("has a quote without its end"));
        const auto behind = rest.substr(0, rest.find(','));
        const auto plain = without_blanks(behind);
        const bool is_mixed = is_quoted ? !plain.empty() : plain.find('"') != std::string_view::npos;
        if (is_mixed) return input_failure(tr("has a quote in the midst of a value: quote all of it"));
        values.push_back(is_quoted ? value : std::string(plain));
        rest.remove_prefix(behind.size());
        if (rest.empty()) return values;
    }
}

// ---- one line

/// What is wrong with what was read, as a clause.
std::optional<Sentence> refuse(const ListedAccount& account) {
    if (account.user.empty()) return tr("names no account");
    for (const auto& [name, value] : known_columns) {
        if (const auto wrong = wrong_text(account.*value); !wrong.empty())
            return tr("has %1 in its %2", {wrong, name});
    }
    if (account.device.empty() || is_device_name(account.device)) return std::nullopt;
    return tr(
        "names the device '%1', which isn't 1 to 32 letters, digits, '.', '_' or '-' (nor the word recovery)",
        {printable(account.device)});
}

Result<ListedAccount> account_in(std::string_view line, const std::optional<Heading>& heading) {
    ListedAccount account;
    if (!heading) {
        if (line.find_first_of(",\"") != std::string_view::npos)
            return input_failure(tr("has more than an account's name: that takes a heading, as user,device"));
        account.user = without_blanks(line);
        return account;
    }
    const auto values = values_of(line);
    if (!values) return values.failure();
    if (values->size() != heading->size()) {
        return input_failure(tr("has %1 values under a heading of %2", {values->size(), heading->size()}));
    }
    for (std::size_t i = 0; i < values->size(); ++i) account.*(*heading)[i]->value = (*values)[i];
    return account;
}

ListLine read_line(const Line& line, const std::optional<Heading>& heading, const std::string& file) {
    const auto wrong = [&](const Sentence& clause) {
        return ListLine{line.number, input_failure(tr("%1 %2", {place_in_list(file, line.number), clause}))};
    };
    auto account = account_in(line.text, heading);
    if (!account) return wrong(account.failure().message);
    if (const auto clause = refuse(*account)) return wrong(*clause);
    return {line.number, *std::move(account)};
}

// ---- the heading

/// Nothing where the line is an account's; a failure is a clause.
Result<std::optional<Heading>> heading_in(std::string_view line) {
    if (line.find(',') == std::string_view::npos) {
        const auto word = without_blanks(line);
        if (word != "user" && word != "\"user\"") return std::optional<Heading>();
        return input_failure(
            tr("may be a heading or an account: leave it out, or put the account on a later line"));
    }
    const auto names = values_of(line);
    if (!names) return names.failure();
    Heading heading;
    for (const auto& name : *names) {
        const auto* const column = std::ranges::find(known_columns, std::string_view(name), &Column::name);
        if (column == known_columns.end()) {
            return input_failure(
                tr("heads a column '%1': there are user, device, issuer and label", {printable(name)}));
        }
        if (std::ranges::count(heading, column) > 0) return input_failure(tr("heads two columns %1", {name}));
        heading.push_back(column);
    }
    if (std::ranges::count(heading, known_columns.data()) == 0)
        return input_failure(tr("heads no column user"));
    return std::optional(std::move(heading));
}

bool counts(const Line& line) {
    const auto text = without_blanks(line.text);
    return !text.empty() && text.front() != '#';
}

}  // namespace

std::string place_in_list(const std::string& file, int line) {
    return printable_path(file) + ":" + std::to_string(line);
}

Result<std::vector<ListLine>> parse_account_list(std::string_view text, const std::string& file) {
    if (text.find('\0') != std::string_view::npos) {
        return input_failure(
            tr("%1 isn't a text in UTF-8 or ASCII: it has a zero byte", {printable_path(file)}));
    }
    auto lines = lines_of(text);
    std::erase_if(lines, [](const Line& line) { return !counts(line); });
    if (lines.empty()) return input_failure(tr("%1 lists nobody", {printable_path(file)}));
    const auto heading = heading_in(lines.front().text);
    if (!heading) {
        return input_failure(
            tr("%1 %2", {place_in_list(file, lines.front().number), heading.failure().message}));
    }
    if (*heading) lines.erase(lines.begin());
    if (lines.empty()) return input_failure(tr("%1 lists nobody below its heading", {printable_path(file)}));
    std::vector<ListLine> all;
    all.reserve(lines.size());
    for (const auto& line : lines) all.push_back(read_line(line, *heading, file));
    return all;
}

}  // namespace totp
