#include "core/credential.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base32.h"
#include "core/decimal.h"
#include "core/hexadecimal.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr std::size_t maximum_secret = 128;
constexpr Counter highest_counter = 999'999'999'999'999;  // no device gets there; leaves room to look ahead

constexpr std::array<std::pair<std::string_view, Algorithm>, 3> algorithms = {{
    {"SHA1", Algorithm::sha1},
    {"SHA256", Algorithm::sha256},
    {"SHA512", Algorithm::sha512},
}};

bool equal_ignoring_case(std::string_view left, std::string_view right) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(left, right, {}, lower, lower);
}

template <class Number>
std::optional<Number> number_between(std::string_view text, Number lowest, Number highest) {
    const auto number = parse_decimal<Number>(text);
    if (!number || *number < lowest || *number > highest) return std::nullopt;
    return number;
}

/// The parameters of one key URI as they are met, each at most once.
class Parameters {
  public:
    explicit Parameters(KeyUri& key) : key_(key) {}

    /// Takes one `name=value`; a sentence about what is wrong with it, or nothing.
    std::optional<Sentence> take(std::string_view item);

    bool saw(std::string_view name) const { return std::ranges::find(seen_, name) != seen_.end(); }

  private:
    std::optional<Sentence> take_value(std::string_view name, std::string_view value);

    KeyUri& key_;
    std::vector<std::string> seen_;
};

std::optional<Sentence> Parameters::take(std::string_view item) {
    const auto equals = item.find('=');
    const auto name = percent_encode(item.substr(0, equals), is_unreserved);
    if (equals == std::string_view::npos) return tr("the key URI has a parameter without a value");
    const auto value = percent_decode(item.substr(equals + 1));
    if (!value) return tr("the key URI has a broken percent-encoding in %1", {name});
    if (saw(name)) return tr("the key URI has the parameter %1 twice", {name});
    seen_.push_back(name);
    return take_value(name, value->text());
}

std::optional<Sentence> Parameters::take_value(std::string_view name, std::string_view value) {
    auto& credential = key_.credential;
    if (name == "secret") {
        auto secret = base32_decode(value);
        if (!secret) return tr("the key URI has a secret that isn't base 32");
        if (secret->empty() || secret->size() > maximum_secret)
            return tr("the key URI has a secret not of 1 to 128 bytes");
        credential.secret = *std::move(secret);
    } else if (name == "algorithm") {
        const auto algorithm = algorithm_named(value);
        if (!algorithm) return tr("the key URI has an algorithm that isn't SHA1, SHA256 or SHA512");
        credential.algorithm = *algorithm;
    } else if (name == "digits") {
        const auto digits = number_between(value, 6, 8);
        if (!digits) return tr("the key URI has digits that aren't 6, 7 or 8");
        credential.digits = *digits;
    } else if (name == "period") {
        const auto period = number_between(value, 1, 3600);
        if (!period) return tr("the key URI has a period that isn't 1 to 3600 seconds");
        credential.period = *period;
    } else if (name == "counter") {
        const auto counter = number_between(value, Counter{0}, highest_counter);
        if (!counter) return tr("the key URI has a counter that isn't a number of at most 15 digits");
        credential.counter = *counter;
    } else if (name == "issuer") {
        if (!key_.issuer.empty() && key_.issuer != value)
            return tr("the key URI names two different issuers");
        key_.issuer = value;
    } else if (name != "image" && name != "icon" && name != "color" && name != "lock") {
        return tr("the key URI has a parameter that isn't known: %1", {name});
    }
    return std::nullopt;
}

void split_label(std::string_view decoded, KeyUri& key) {
    const auto colon = decoded.find(':');
    if (colon == std::string_view::npos) {
        key.label = decoded;
        return;
    }
    key.issuer = decoded.substr(0, colon);
    const auto start = decoded.find_first_not_of(' ', colon + 1);
    key.label = start == std::string_view::npos ? "" : decoded.substr(start);
}

}  // namespace

std::size_t recommended_secret_size(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::sha1: return 20;
        case Algorithm::sha256: return 32;
        case Algorithm::sha512: return 64;
    }
    return 64;
}

std::string_view name_of(Algorithm algorithm) {
    return std::ranges::find(algorithms, algorithm, [](const auto& row) { return row.second; })->first;
}

std::optional<Algorithm> algorithm_named(std::string_view name) {
    for (const auto& [known, algorithm] : algorithms) {
        if (equal_ignoring_case(name, known)) return algorithm;
    }
    return std::nullopt;
}

std::string_view name_of(CredentialType type) { return type == CredentialType::totp ? "totp" : "hotp"; }

Result<KeyUri> parse_key_uri(std::string_view uri) {
    constexpr std::string_view scheme = "otpauth://";
    if (!equal_ignoring_case(uri.substr(0, scheme.size()), scheme)) {
        return input_failure(tr("the key URI doesn't begin with otpauth://"));
    }
    uri.remove_prefix(scheme.size());

    const auto slash = uri.find('/');
    const auto question = uri.find('?');
    if (question == std::string_view::npos || slash > question)
        return input_failure(tr("the key URI isn't type/label?parameters"));
    const auto type = uri.substr(0, slash);
    KeyUri key;
    if (equal_ignoring_case(type, "hotp")) {
        key.credential.type = CredentialType::hotp;
    } else if (!equal_ignoring_case(type, "totp")) {
        return input_failure(tr("the key URI is of a type that isn't totp or hotp"));
    }
    const auto label = percent_decode(uri.substr(slash + 1, question - slash - 1));
    if (!label) return input_failure(tr("the key URI has a broken percent-encoding in its label"));
    split_label(label->text(), key);

    Parameters parameters(key);
    for (auto rest = uri.substr(question + 1); !rest.empty();) {
        const auto item = rest.substr(0, rest.find('&'));
        if (const auto wrong = parameters.take(item)) return input_failure(*wrong);
        rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    }
    if (!parameters.saw("secret")) return input_failure(tr("the key URI has no secret"));
    if (key.credential.type == CredentialType::totp) {
        key.credential.counter = 0;
    } else if (parameters.saw("counter")) {
        key.credential.period = Credential{}.period;
    } else {
        return input_failure(tr("the key URI is hotp and has no counter"));
    }
    return key;
}

Sentence parameters_of(const Credential& credential) {
    const auto algorithm = name_of(credential.algorithm);
    if (credential.type == CredentialType::hotp)
        return tr("counter-based, %1, %2 digits", {algorithm, credential.digits});
    return tr("time-based, %1, %2 digits, %3 s", {algorithm, credential.digits, credential.period});
}

SecretBytes format_key_uri(const KeyUri& key, UriParameters parameters) {
    const auto& credential = key.credential;
    const Credential defaults;
    const bool says_all = parameters == UriParameters::all;
    SecretBytes uri("otpauth://");
    uri.append(name_of(credential.type));
    uri.append("/");
    if (!key.issuer.empty()) uri.append(percent_encode(key.issuer, is_unreserved) + ":");
    uri.append(percent_encode(key.label, is_unreserved) + "?secret=");
    uri.append(base32_encode(credential.secret.octets()).text());
    if (!key.issuer.empty()) uri.append("&issuer=" + percent_encode(key.issuer, is_unreserved));
    if (says_all || credential.algorithm != defaults.algorithm) {
        uri.append("&algorithm=" + std::string(name_of(credential.algorithm)));
    }
    if (says_all || credential.digits != defaults.digits) {
        uri.append("&digits=" + std::to_string(credential.digits));
    }
    if (credential.type == CredentialType::hotp) {
        uri.append("&counter=" + std::to_string(credential.counter));
    } else if (says_all || credential.period != defaults.period) {
        uri.append("&period=" + std::to_string(credential.period));
    }
    return uri;
}

std::string device_id(const Credential& credential) {
    std::string message = "pam-totp device ";
    message += name_of(credential.type);
    message += " " + std::to_string(credential.digits);
    if (credential.type == CredentialType::totp) message += " " + std::to_string(credential.period);
    const KeyedHash hash(credential.secret.octets(), credential.algorithm);
    return hexadecimal(
        hash.fingerprint({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}));
}

}  // namespace totp
