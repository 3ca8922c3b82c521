#include "core/database.h"

#include <algorithm>

#include <arpa/inet.h>

#include "core/decimal.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::size_t longest_host_name = 253;
constexpr int highest_port = 65'535;

std::string_view trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(blanks);
    if (start == text.npos) return {};
    return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

bool is_host_name(std::string_view name) {
    const auto may_stand = [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= longest_host_name && is_alphanumeric(name.front()) &&
           std::ranges::all_of(name, may_stand);
}

bool is_ipv6(const std::string& name) {
    in6_addr address;
    return inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

/// Takes the name from the left of `text`; empty where none stands there.
std::string take_name(std::string_view& text) {
    const bool is_bracketed = text.starts_with('[');
    const auto end = is_bracketed ? text.find(']') : std::min(text.find(':'), text.size());
    if (end == text.npos) return {};
    std::string name(text.substr(is_bracketed ? 1 : 0, is_bracketed ? end - 1 : end));
    text.remove_prefix(is_bracketed ? end + 1 : end);
    return (is_bracketed ? is_ipv6(name) : is_host_name(name)) ? name : std::string();
}

std::optional<DatabaseHost> parse_host(std::string_view text) {
    DatabaseHost host{.name = take_name(text)};
    if (host.name.empty()) return std::nullopt;
    if (text.empty()) return host;
    if (!text.starts_with(':') || !read_decimal(text.substr(1), 1, highest_port, host.port))
        return std::nullopt;
    return host;
}

}  // namespace

std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(',', start), text.size());
        parts.push_back(trimmed(text.substr(start, end - start)));
        start = end + 1;
    }
    return parts;
}

std::optional<std::vector<DatabaseHost>> parse_database_hosts(std::string_view text) {
    std::vector<DatabaseHost> hosts;
    for (const auto part : split_list(text)) {
        auto host = parse_host(part);
        if (!host || hosts.size() == maximum_database_hosts) return std::nullopt;
        hosts.push_back(*std::move(host));
    }
    return hosts;
}

std::string format_database_hosts(const std::vector<DatabaseHost>& hosts) {
    std::string text;
    for (const auto& [name, port] : hosts) {
        if (!text.empty()) text += ", ";
        text += name.find(':') == name.npos ? name : "[" + name + "]";
        if (port != DatabaseHost{}.port) text += ":" + std::to_string(port);
    }
    return text;
}

}  // namespace totp
