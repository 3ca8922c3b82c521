#include "enroll/expiry.h"

#include "core/decimal.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr UnixTime day = 86'400;
constexpr UnixTime longest_expiry = UnixTime{366} * day;

/// "90m", "24h", "7d" as seconds; nothing for all else and for more than a year.
std::optional<UnixTime> duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const char unit = text.back();
    const UnixTime seconds = unit == 'm' ? 60 : unit == 'h' ? 3'600 : unit == 'd' ? day : 0;
    const auto count = parse_decimal<std::uint32_t>(text.substr(0, text.size() - 1));
    if (seconds == 0 || !count || *count == 0 || *count * seconds > longest_expiry) return std::nullopt;
    return *count * seconds;
}

}  // namespace

std::optional<Failure> refuse_expiry(const std::optional<std::string>& text) {
    if (!text || duration(*text)) return std::nullopt;
    return input_failure(
        tr("--expires %1 isn't a time of at most a year: 90m, 24h or 7d", {printable(*text)}));
}

UnixTime seconds_of_expiry(const std::optional<std::string>& text) {
    return text ? duration(*text).value() : day;
}

}  // namespace totp
