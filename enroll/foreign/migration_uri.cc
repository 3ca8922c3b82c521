#include "enroll/foreign/migration_uri.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/percent.h"
#include "enroll/foreign/foreign_device.h"

namespace totp {
namespace {

constexpr std::size_t longest_secret = 128;
constexpr std::uint64_t most_parts = 1'000;

// ---- base 64 (RFC 4648 §4)

int value_of(char symbol) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto at = alphabet.find(symbol);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::optional<SecretBytes> base64_decode(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    SecretBytes octets;
    unsigned bits = 0;
    int count = 0;
    for (const char symbol : text) {
        const auto value = value_of(symbol);
        if (value < 0) return std::nullopt;
        bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFF;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        const auto octet = static_cast<char>(bits >> count & 0xFF);
        octets.append({&octet, 1});
    }
    return octets;
}

// ---- protocol buffers

struct Field {
    std::uint64_t number = 0;
    bool is_bytes = false;
    std::uint64_t value = 0;  ///< where it is no bytes
    std::string_view bytes;   ///< a part of the message
};

/// The fields of one message, from the left.
class Message {
  public:
    explicit Message(std::string_view octets) : rest_(octets) {}

    bool is_at_end() const { return rest_.empty(); }

    /// Nothing where the rest isn't a field of the two kinds that are used here.
    std::optional<Field> next() {
        const auto tag = varint();
        if (!tag) return std::nullopt;
        Field field{.number = *tag >> 3, .is_bytes = (*tag & 7) == 2};
        if (!field.is_bytes && (*tag & 7) != 0) return std::nullopt;
        const auto value = varint();
        if (!value) return std::nullopt;
        field.value = *value;
        if (!field.is_bytes) return field;
        if (*value > rest_.size()) return std::nullopt;
        field.bytes = rest_.substr(0, *value);
        rest_.remove_prefix(*value);
        return field;
    }

  private:
    std::optional<std::uint64_t> varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto octet = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(octet & 0x7F) << shift;
            if (octet < 0x80) return value;
        }
        return std::nullopt;
    }

    std::string_view rest_;
};

// ---- the two messages

enum : std::uint64_t { secret = 1, name, issuer, algorithm, digits, type, counter, id };

/// What `table` has at the number that stands for it, from 0, which is "not said".
template <class Value, std::size_t size>
bool look_up(const std::array<Value, size>& table, std::uint64_t number, Value& value) {
    if (number >= size) return false;
    value = table[number];
    return true;
}

/// A complaint, or nothing.
std::optional<Sentence> take(const Field& field, KeyUri& key, bool& has_type) {
    constexpr std::array algorithms = {Algorithm::sha1, Algorithm::sha1, Algorithm::sha256,
                                       Algorithm::sha512};
    constexpr std::array digit_counts = {6, 6, 8, 7};
    auto& credential = key.credential;
    if (field.number < secret || field.number > id)
        return tr("the migration URI has a field that isn't known: %1", {field.number});
    if (field.is_bytes != (field.number <= issuer || field.number == id))
        return tr("the migration URI has a field %1 of another kind", {field.number});
    switch (field.number) {
        case secret: credential.secret = SecretBytes(field.bytes); break;
        case name: key.label = field.bytes; break;
        case issuer: key.issuer = field.bytes; break;
        case algorithm:
            if (!look_up(algorithms, field.value, credential.algorithm))
                return tr("the migration URI has an algorithm that isn't SHA1, SHA256 or SHA512");
            break;
        case digits:
            if (!look_up(digit_counts, field.value, credential.digits))
                return tr("the migration URI has digits that aren't 6, 7 or 8");
            break;
        case type:
            has_type = field.value == 1 || field.value == 2;
            credential.type = field.value == 1 ? CredentialType::hotp : CredentialType::totp;
            break;
        case counter:
            if (field.value > highest_foreign_counter)
                return tr("the migration URI has a counter that isn't a number of at most 15 digits");
            credential.counter = field.value;
            break;
        default: break;
    }
    return std::nullopt;
}

Result<KeyUri> key_in(std::string_view octets) {
    KeyUri key;
    bool has_type = false;
    for (Message message(octets); !message.is_at_end();) {
        const auto field = message.next();
        if (!field) return input_failure(tr("the migration URI is cut short or damaged"));
        if (const auto complaint = take(*field, key, has_type)) return input_failure(*complaint);
    }
    if (key.credential.secret.empty() || key.credential.secret.size() > longest_secret)
        return input_failure(tr("the migration URI has a secret not of 1 to 128 bytes"));
    if (!has_type) return input_failure(tr("the migration URI is of a type that isn't totp or hotp"));
    if (key.credential.type == CredentialType::totp) key.credential.counter = 0;
    return key;
}

Result<Migration> migration_in(std::string_view octets) {
    Migration migration;
    for (Message message(octets); !message.is_at_end();) {
        const auto field = message.next();
        if (!field || field->number < 1 || field->number > 5 || field->is_bytes != (field->number == 1))
            return input_failure(tr("the migration URI is cut short or damaged"));
        if (field->is_bytes) {
            auto key = key_in(field->bytes);
            if (!key) return key.failure();
            migration.keys.push_back(*std::move(key));
        }
        const auto as_part = static_cast<int>(std::min(field->value, most_parts));
        if (field->number == 3) migration.parts = std::max(as_part, 1);
        if (field->number == 4) migration.part = as_part + 1;
    }
    if (migration.keys.empty()) return input_failure(tr("the migration URI has no account in it"));
    return migration;
}

}  // namespace

Result<Migration> parse_migration_uri(std::string_view uri) {
    constexpr std::string_view before_data = "otpauth-migration://offline?data=";
    if (!uri.starts_with(before_data))
        return input_failure(tr("the migration URI doesn't begin with %1", {before_data}));
    const auto text = percent_decode(uri.substr(before_data.size()));
    const auto octets = text ? base64_decode(text->text()) : std::nullopt;
    if (!octets) return input_failure(tr("the migration URI has data that isn't base 64"));
    return migration_in(octets->text());
}

}  // namespace totp
