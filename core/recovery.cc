#include "core/recovery.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>

#include <crypt.h>

#include "core/percent.h"
#include "core/random.h"

namespace totp {
namespace {

constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view method = "$y$";
constexpr unsigned long lowest_cost = 1;  // enough for 80 random bits: about a millisecond
constexpr unsigned long usual_cost = 5;   // for eight digits: as for passwords, some 20 ms
constexpr const char* any_setting = "$y$j75$......................$";
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t code_bytes = 10;
constexpr std::size_t code_symbols = 16;
constexpr std::size_t code_digits = 8;
constexpr std::size_t hash_symbols = 43;

/// The part of a hash that crypt(3) takes as its setting: all up to the last '$'.
std::string setting_of(const std::string& hash) { return hash.substr(0, hash.rfind('$') + 1); }

/// crypt(3)'s 32 KiB of working space, wiped when it goes.
struct CryptSpace {
    crypt_data data{};
    ~CryptSpace() { explicit_bzero(&data, sizeof data); }
};

/// Throws where the machine hasn't the memory for a hash: that is neither a wrong code nor a right one.
std::string hash_of(const SecretBytes& code, const std::string& setting) {
    const auto space = std::make_unique<CryptSpace>();
    SecretBytes terminated(code.text());
    terminated.append({"\0", 1});
    const char* hash = crypt_rn(terminated.text().data(), setting.c_str(), &space->data, sizeof space->data);
    if (hash == nullptr) {
        if (errno == ENOMEM) throw std::bad_alloc();
        throw CannotCompute("crypt(3) refuses yescrypt" + because_of(errno));
    }
    return hash;
}

/// Sixteen symbols of five bits each from ten random octets.
SecretBytes symbols_of(std::span<const std::uint8_t> octets) {
    SecretBytes symbols;
    for (std::size_t i = 0; i < code_symbols; ++i) {
        const std::size_t bit = i * 5;
        const unsigned next = bit / 8 + 1 < octets.size() ? octets[bit / 8 + 1] : 0;
        const unsigned pair = octets[bit / 8] << 8 | next;
        symbols.append(crockford.substr(pair >> (11 - bit % 8) & 31, 1));
    }
    return symbols;
}

SecretBytes grouped(const SecretBytes& symbols) {
    SecretBytes text;
    for (std::size_t i = 0; i < code_symbols; i += 4) {
        if (i > 0) text.append("-");
        text.append(symbols.text().substr(i, 4));
    }
    return text;
}

char as_crockford(char c) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') return '0';
    if (c == 'I' || c == 'L') return '1';
    return c;
}

/// A setting with a salt of its own.
Result<std::string> new_setting(unsigned long cost) {
    const auto salt = random_bytes(salt_bytes);
    if (!salt) return salt.failure();
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (crypt_gensalt_rn(method.data(), cost, reinterpret_cast<const char*>(salt->data()), salt_bytes,
                         setting, sizeof setting) == nullptr) {
        return Failure{Trouble::system,
                       tr("crypt(3) can't make a yescrypt salt: %1", {Sentence::of_error(errno)})};
    }
    return std::string(setting) + "$";
}

/// The setting that the codes of this form in `set` have, or a new one.
Result<std::string> setting_for(const std::vector<RecoveryHash>& set, RecoveryForm form) {
    const auto first = std::ranges::find(set, form, &RecoveryHash::form);
    if (first != set.end()) return setting_of(first->hash);
    return new_setting(form == RecoveryForm::digits ? usual_cost : lowest_cost);
}

/// By its length: the two forms share none.
RecoveryForm form_of(const SecretBytes& code) {
    return code.size() == code_digits ? RecoveryForm::digits : RecoveryForm::symbols;
}

Result<RecoverySet> codes_of(const Result<std::string>& setting, std::size_t count,
                             std::optional<UnixTime> expires) {
    if (!setting) return setting.failure();
    RecoverySet set;
    for (std::size_t i = 0; i < std::min(count, maximum_recovery_codes); ++i) {
        const auto octets = random_bytes(code_bytes);
        if (!octets) return octets.failure();
        const auto symbols = symbols_of(octets->octets());
        set.hashes.push_back({hash_of(symbols, *setting), expires});
        set.codes.push_back(grouped(symbols));
    }
    return set;
}

}  // namespace

Result<RecoverySet> new_recovery_codes(std::size_t count) {
    return codes_of(new_setting(lowest_cost), count, std::nullopt);
}

Result<RecoverySet> one_more_recovery_code(const std::vector<RecoveryHash>& set, UnixTime expires) {
    return codes_of(setting_for(set, RecoveryForm::symbols), 1, expires);
}

Result<std::vector<RecoveryHash>> keep_recovery_digits(const std::vector<SecretBytes>& codes,
                                                       const std::vector<RecoveryHash>& set) {
    const auto setting = setting_for(set, RecoveryForm::digits);
    if (!setting) return setting.failure();
    std::vector<RecoveryHash> hashes;
    hashes.reserve(codes.size());
    for (const auto& code : codes) {
        hashes.push_back({hash_of(code, *setting), std::nullopt, RecoveryForm::digits});
    }
    return hashes;
}

std::optional<SecretBytes> normalized_recovery_code(std::string_view text) {
    SecretBytes symbols;
    for (const char c : text) {
        if (c == '-' || c == ' ') continue;
        const char symbol = as_crockford(c);
        if (crockford.find(symbol) == std::string_view::npos) return std::nullopt;
        symbols.append({&symbol, 1});
    }
    if (symbols.size() != code_symbols) return std::nullopt;
    return symbols;
}

std::optional<SecretBytes> normalized_recovery_digits(std::string_view text) {
    SecretBytes digits;
    for (const char c : text) {
        if (c == '-' || c == ' ' || c == '\t') continue;
        if (c < '0' || c > '9') return std::nullopt;
        digits.append({&c, 1});
    }
    if (digits.size() != code_digits) return std::nullopt;
    return digits;
}

std::optional<std::size_t> find_recovery_code(const SecretBytes& code,
                                              const std::vector<RecoveryHash>& hashes) {
    std::optional<std::size_t> found;
    std::string setting;
    std::string offered;
    const auto form = form_of(code);
    if (std::ranges::find(hashes, form, &RecoveryHash::form) == hashes.end())
        static_cast<void>(hash_of(code, any_setting));
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        if (hashes[i].form != form) continue;
        if (setting_of(hashes[i].hash) != setting) {
            setting = setting_of(hashes[i].hash);
            offered = hash_of(code, setting);
        }
        if (equal_in_constant_time(offered, hashes[i].hash)) found = i;
    }
    return found;
}

bool is_recovery_hash(std::string_view hash) {
    if (!hash.starts_with(method) || hash.size() > CRYPT_OUTPUT_SIZE) return false;
    const auto last = hash.rfind('$');
    const auto salt = hash.rfind('$', last - 1);
    const auto is_crypt_symbol = [](char c) { return is_alphanumeric(c) || c == '.' || c == '/'; };
    const auto is_crypt_text = [&](std::string_view text) {
        return !text.empty() && std::ranges::all_of(text, is_crypt_symbol);
    };
    return salt > method.size() && salt < last &&
           is_crypt_text(hash.substr(method.size(), salt - method.size())) &&
           is_crypt_text(hash.substr(salt + 1, last - salt - 1)) && hash.size() == last + 1 + hash_symbols &&
           is_crypt_text(hash.substr(last + 1));
}

}  // namespace totp
