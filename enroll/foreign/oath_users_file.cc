#include "enroll/foreign/oath_users_file.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/decimal.h"
#include "core/hexadecimal.h"
#include "core/percent.h"
#include "enroll/foreign/lines.h"

namespace totp {
namespace {

constexpr std::size_t longest_secret = 32;
constexpr Counter search_reach = 100;  // more than any window an administrator sets

using Words = std::vector<std::string_view>;

// ---- the words of a line

/// All but the secret.
std::optional<Credential> shape_named(std::string_view type) {
    Credential shape{.type = CredentialType::hotp};
    if (type == "HOTP") return shape;
    const auto kind = type.substr(0, type.rfind('/'));
    if (const auto digits =
            parse_decimal<int>(type.substr(kind.size() + (kind.size() < type.size() ? 1 : 0)));
        digits && *digits >= 6 && *digits <= 8) {
        shape.digits = *digits;
        type = kind;
    }
    if (type == "HOTP/E") return shape;
    shape.type = CredentialType::totp;
    shape.period = type == "HOTP/T60" ? 60 : 30;
    return type == "HOTP/T30" || type == "HOTP/T60" ? std::optional(shape) : std::nullopt;
}

std::optional<SecretBytes> secret_in(std::string_view word) {
    SecretBytes digits;
    for (char c : word) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        digits.append({&c, 1});
    }
    auto octets = parse_hexadecimal(digits.text());
    if (!octets || octets->empty() || octets->size() > longest_secret) return std::nullopt;
    SecretBytes secret{std::span<const std::uint8_t>(*octets)};
    explicit_bzero(octets->data(), octets->size());
    return secret;
}

/// "2026-11-24T15:52:33L": of fixed width, the letter for local time.
std::optional<std::tm> local_time_in(std::string_view text) {
    constexpr std::string_view shape = "0000-00-00T00:00:00L";
    const bool has_shape = std::ranges::equal(text, shape, [](char c, char pattern) {
        return pattern == '0' ? c >= '0' && c <= '9' : c == pattern;
    });
    if (!has_shape) return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t size) {
        return parse_decimal<int>(text.substr(at, size)).value_or(0);
    };
    std::tm moment{};
    moment.tm_year = number(0, 4) - 1900;
    moment.tm_mon = number(5, 2) - 1;
    moment.tm_mday = number(8, 2);
    moment.tm_hour = number(11, 2);
    moment.tm_min = number(14, 2);
    moment.tm_sec = number(17, 2);
    moment.tm_isdst = -1;
    const bool is_one = moment.tm_mon >= 0 && moment.tm_mon < 12 && moment.tm_mday >= 1 &&
                        moment.tm_mday <= 31 && moment.tm_hour < 24 && moment.tm_min < 60 &&
                        moment.tm_sec <= 60;
    return is_one ? std::optional(moment) : std::nullopt;
}

// ---- what is spent

/// The counter that shows `code`, from `first` on; nothing if none does that could have been used.
std::optional<Counter> counter_showing(const Credential& credential, std::uint32_t code, Counter first) {
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    for (auto counter = first; counter <= first + search_reach; ++counter) {
        if (hash.code(counter, credential.digits) == code) return counter;
    }
    return std::nullopt;
}

/// The time step nearest to `centre` that shows `code`.
std::optional<Counter> step_showing(const Credential& credential, std::uint32_t code, Counter centre) {
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    for (Counter distance = 0; distance <= search_reach; ++distance) {
        for (const auto step : {centre + distance, centre - std::min(centre, distance)}) {
            if (hash.code(step, credential.digits) == code) return step;
        }
    }
    return std::nullopt;
}

void spend_last_code(ForeignDevice& device, std::uint32_t code) {
    const auto& credential = device.credential;
    if (credential.type == CredentialType::hotp) {
        if (const auto used = counter_showing(credential, code, device.next)) device.next = *used + 1;
        return;
    }
    const auto step = time_step(device.last_used, credential.period);
    const auto used = step_showing(credential, code, step);
    device.next = used.value_or(step) + 1;
    if (used) {
        device.drift = static_cast<int>(static_cast<std::int64_t>(*used - step));
    } else {
        device.notes.push_back(
            tr("the last code doesn't belong to its time: all codes until then are spent"));
    }
}

/// A complaint, or nothing.
std::optional<Sentence> take_last_use(const Words& words, ForeignDevice& device,
                                      FromLocalTime from_local_time) {
    if (words.size() > 6) {
        const auto moment = local_time_in(words[6]);
        const auto time = moment ? from_local_time(*moment) : std::nullopt;
        if (!time || *time <= 0) return tr("the time of the last code isn't one");
        device.last_used = *time;
    } else if (device.credential.type == CredentialType::totp) {
        return tr("the last code has no time");
    }
    const auto code = parse_decimal<std::uint32_t>(words[5]);
    if (!code || words[5].size() != static_cast<std::size_t>(device.credential.digits))
        return tr("the last code hasn't the digits of its type");
    spend_last_code(device, *code);
    return std::nullopt;
}

Result<ForeignDevice> device_in(const Line& line, const Words& words, FromLocalTime from_local_time) {
    const auto shape = shape_named(words[0]);
    if (!shape) return wrong_line(line.number, tr("the type %1 isn't known", {printable(words[0])}));
    if (words.size() < 4 || words.size() > 7)
        return wrong_line(line.number, tr("it isn't type, user, PIN, secret and at most three words more"));
    ForeignDevice device{.credential = *shape};
    auto secret = secret_in(words[3]);
    if (!secret) return wrong_line(line.number, tr("the secret isn't 1 to 32 bytes in hexadecimal"));
    device.credential.secret = *std::move(secret);
    if (words.size() > 4) {
        const auto factor = parse_decimal<Counter>(words[4]);
        if (!factor || *factor > highest_foreign_counter)
            return wrong_line(line.number, tr("the moving factor isn't a number of at most 15 digits"));
        if (shape->type == CredentialType::hotp) device.next = *factor;
    }
    if (words.size() > 5) {
        if (const auto complaint = take_last_use(words, device, from_local_time))
            return wrong_line(line.number, *complaint);
    }
    if (shape->type == CredentialType::hotp) device.credential.counter = device.next;
    if (words[2] != "-" && words[2] != "+")
        device.not_taken.push_back(tr("the PIN before the code: here the code alone is asked for"));
    note_short_secret(device);
    return device;
}

// ---- writing

std::string type_of(const Credential& credential) {
    const auto kind = credential.type == CredentialType::hotp ? "E" : "T" + std::to_string(credential.period);
    return "HOTP/" + kind + "/" + std::to_string(credential.digits);
}

std::string text_of(const std::tm& moment) {
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SL", &moment)};
}

SecretBytes code_at(const Credential& credential, Counter counter) {
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    char text[16];
    const int size =
        std::snprintf(text, sizeof text, "%0*u", credential.digits, hash.code(counter, credential.digits));
    return SecretBytes(std::string_view(text, static_cast<std::size_t>(size)));
}

/// When the code before `next` was used, as far as it is known: a time step lies in its own time.
UnixTime last_use_of(const Credential& credential, const DeviceState& state, Counter last) {
    if (credential.type == CredentialType::hotp) return state.last_used;
    const auto step = static_cast<std::int64_t>(last) - state.drift;
    const auto begin = std::max<std::int64_t>(step, 0) * credential.period;
    const bool is_within = state.last_used >= begin && state.last_used < begin + credential.period;
    return is_within ? state.last_used : begin;
}

}  // namespace

std::vector<OathUser> parse_oath_users_file(std::string_view text, FromLocalTime from_local_time) {
    std::vector<OathUser> users;
    for (const auto& line : lines_of(text)) {
        const auto words = words_of(line.text);
        if (words.empty() || words[0].starts_with('#')) continue;
        users.push_back({line.number, std::string(words.size() > 1 ? words[1] : ""),
                         device_in(line, words, from_local_time)});
    }
    return users;
}

Result<SecretBytes> format_oath_user(std::string_view user, const Credential& credential,
                                     const DeviceState& state, ToLocalTime to_local_time) {
    const bool is_totp = credential.type == CredentialType::totp;
    if (credential.algorithm != Algorithm::sha1 || credential.secret.size() > longest_secret ||
        (is_totp && credential.period != 30 && credential.period != 60)) {
        return input_failure(
            tr("can't be written in this format, which has SHA1, a period of 30 or 60 s and secrets of "
               "at most 256 bits"));
    }
    if (words_of(user).size() != 1 || user.find_first_of(" \t\r\n") != std::string_view::npos) {
        return input_failure(tr("is of a user whose name can't be written in this format"));
    }
    SecretBytes line(type_of(credential) + "\t" + std::string(user) + "\t-\t");
    for (const auto octet : credential.secret.octets()) {
        const char digits[] = {hexadecimal_digits[octet >> 4], hexadecimal_digits[octet & 15]};
        line.append({digits, 2});
    }
    const auto next = state.next.value();
    const bool is_used = next > (is_totp ? 0 : credential.counter);
    const auto factor = is_totp ? 0 : is_used ? next - 1 : next;
    if (is_used || factor > 0) line.append("\t" + std::to_string(factor));
    if (is_used) {
        line.append("\t");
        line.append(code_at(credential, next - 1).text());
        line.append("\t" + text_of(to_local_time(last_use_of(credential, state, next - 1))));
    }
    line.append("\n");
    return line;
}

}  // namespace totp
