#include "enroll/doctor/sshd_match.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <arpa/inet.h>

#include "core/decimal.h"
#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/sshd_text.h"

namespace totp {
namespace {

// ---- lists of patterns

/// One of the list must match, and none that is negated.
template <class Matches>
bool matches_list(const std::string& patterns, const Matches& matches_one) {
    bool is_found = false;
    for (const auto& pattern : comma_separated(patterns)) {
        const bool is_negated = pattern.starts_with('!');
        if (!matches_one(std::string_view(pattern).substr(is_negated ? 1 : 0))) continue;
        if (is_negated) return false;
        is_found = true;
    }
    return is_found;
}

bool matches_text(const std::string& patterns, std::string_view text) {
    return matches_list(patterns, [&](std::string_view pattern) { return matches_pattern(pattern, text); });
}

// ---- addresses

struct Address {
    int family = AF_UNSPEC;
    std::array<std::uint8_t, 16> bytes{};

    int bits() const { return family == AF_INET ? 32 : 128; }
};

std::optional<Address> parse_address(const std::string& text) {
    for (const int family : {AF_INET, AF_INET6}) {
        Address address{.family = family};
        if (inet_pton(family, text.c_str(), address.bytes.data()) == 1) return address;
    }
    return std::nullopt;
}

std::string text_of(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
    return text.data();
}

/// "10.0.0.0/8".
struct Network {
    Address base;
    int length;

    bool holds(const Address& address) const {
        if (address.family != base.family) return false;
        for (int bit = 0; bit < length; ++bit) {
            const auto byte = static_cast<std::size_t>(bit / 8);
            if (((address.bytes[byte] ^ base.bytes[byte]) >> (7 - bit % 8) & 1) != 0) return false;
        }
        return true;
    }
    Address last() const {
        auto address = base;
        for (int bit = length; bit < base.bits(); ++bit)
            address.bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(1 << (7 - bit % 8));
        return address;
    }
};

std::optional<Network> parse_network(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto base = parse_address(std::string(text.substr(0, slash)));
    int length = 0;
    if (!base || !read_decimal(text.substr(slash + 1), 0, base->bits(), length)) return std::nullopt;
    return Network{*base, length};
}

bool matches_address(const std::string& patterns, const std::string& text) {
    const auto address = parse_address(text);
    return matches_list(patterns, [&](std::string_view pattern) {
        if (const auto network = parse_network(pattern)) return address && network->holds(*address);
        return matches_pattern(pattern, text);
    });
}

// ---- criteria

bool holds(const SshdCriterion& criterion, const SshdConnection& connection) {
    const auto& [kind, patterns] = criterion;
    if (kind == "user") return matches_text(patterns, connection.person.name);
    if (kind == "group") {
        // As sshd does: one group that the list takes, and none that it excludes.
        bool is_found = false;
        for (const auto& group : connection.person.groups) is_found |= matches_text(patterns, group);
        for (const auto& pattern : comma_separated(patterns)) {
            if (!pattern.starts_with('!')) continue;
            for (const auto& group : connection.person.groups) {
                if (matches_pattern(std::string_view(pattern).substr(1), group)) return false;
            }
        }
        return is_found;
    }
    if (kind == "host") return matches_text(in_small_letters(patterns), in_small_letters(connection.host));
    if (kind == "address") return matches_address(patterns, connection.address);
    if (kind == "localaddress") return matches_address(patterns, connection.local_address);
    if (kind == "localport") return patterns == connection.local_port;
    return kind == "rdomain" && matches_text(patterns, connection.domain);
}

/// What the list takes, written out: addresses of each network, and patterns with something for each
/// wildcard.
std::vector<std::string> examples_of(const std::string& patterns) {
    std::vector<std::string> examples;
    for (const auto& pattern : comma_separated(patterns)) {
        if (pattern.starts_with('!')) continue;
        if (const auto network = parse_network(pattern)) {
            examples.push_back(text_of(network->base));
            examples.push_back(text_of(network->last()));
            continue;
        }
        auto example = pattern;
        for (auto& c : example) {
            if (c == '*' || c == '?') c = '1';
        }
        examples.push_back(std::move(example));
    }
    return examples;
}

std::string* value_in(SshdConnection& connection, std::string_view kind) {
    if (kind == "host") return &connection.host;
    if (kind == "address") return &connection.address;
    if (kind == "localaddress") return &connection.local_address;
    if (kind == "localport") return &connection.local_port;
    return kind == "rdomain" ? &connection.domain : nullptr;
}

bool is_about_person(const SshdCriterion& criterion) {
    return criterion.kind == "user" || criterion.kind == "group";
}

/// Makes the way somebody comes what the block asks for. False where that can't be.
bool come_as_asked(const SshdBlock& block, SshdConnection& connection) {
    for (const auto& criterion : block.criteria) {
        if (is_about_person(criterion) || holds(criterion, connection)) continue;
        auto* const value = value_in(connection, criterion.kind);
        if (value == nullptr) return false;
        for (const auto& example : examples_of(criterion.patterns)) {
            *value = example;
            if (holds(criterion, connection)) break;
        }
    }
    return std::ranges::all_of(block.criteria, [&](const SshdCriterion& criterion) {
        return is_about_person(criterion) || holds(criterion, connection);
    });
}

/// People whom the users of the block name and who aren't there.
std::vector<SshdPerson> imagined_for(const SshdBlock& block) {
    std::vector<SshdPerson> people;
    for (const auto& criterion : block.criteria) {
        if (criterion.kind != "user") continue;
        for (const auto& name : examples_of(criterion.patterns)) people.push_back({name, {}});
    }
    return people;
}

std::ptrdiff_t blocks_about(const SshdConfig& config, const SshdConnection& connection) {
    return std::ranges::count_if(config.blocks,
                                 [&](const SshdBlock& block) { return concerns(block, connection); });
}

std::optional<SshdConnection> plainest_in(const SshdConfig& config, const SshdBlock* block,
                                          std::span<const SshdPerson> people, SshdConnection connection) {
    std::optional<SshdConnection> best;
    std::ptrdiff_t fewest = 0;
    for (const auto& person : people) {
        connection.person = person;
        if (block != nullptr && !concerns(*block, connection)) continue;
        const auto count = blocks_about(config, connection);
        if (best && count >= fewest) continue;
        best = connection;
        fewest = count;
    }
    return best;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    while (!pattern.empty() && pattern.front() != '*') {
        if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
        pattern.remove_prefix(1);
        text.remove_prefix(1);
    }
    if (pattern.empty()) return text.empty();
    for (;; text.remove_prefix(1)) {
        if (matches_pattern(pattern.substr(1), text)) return true;
        if (text.empty()) return false;
    }
}

bool concerns(const SshdBlock& block, const SshdConnection& connection) {
    return std::ranges::all_of(block.criteria,
                               [&](const SshdCriterion& criterion) { return holds(criterion, connection); });
}

const SshdLine* deciding_line(const SshdConfig& config, const SshdConnection& connection,
                              std::string_view keyword) {
    const SshdLine* for_everybody = nullptr;
    for (const auto& line : config.lines) {
        if (line.keyword != keyword) continue;
        if (line.block && concerns(config.blocks[*line.block], connection)) return &line;
        if (!line.block && for_everybody == nullptr) for_everybody = &line;
    }
    return for_everybody;
}

SshdConnection plainest(const SshdConfig& config, std::span<const SshdPerson> people,
                        const SshdConnection& usual) {
    return plainest_in(config, nullptr, people, usual).value_or(usual);
}

std::optional<SshdConnection> somebody_in(const SshdConfig& config, const SshdBlock& block,
                                          std::span<const SshdPerson> people, const SshdConnection& usual) {
    auto connection = usual;
    if (!come_as_asked(block, connection)) return std::nullopt;
    if (auto found = plainest_in(config, &block, people, connection)) return found;
    return plainest_in(config, &block, imagined_for(block), connection);
}

std::string connection_spec(const SshdConnection& connection) {
    auto spec = "user=" + connection.person.name + ",host=" + connection.host +
                ",addr=" + connection.address + ",laddr=" + connection.local_address +
                ",lport=" + connection.local_port;
    if (!connection.domain.empty()) spec += ",rdomain=" + connection.domain;
    return spec;
}

}  // namespace totp
