#include "core/pending.h"

#include "core/decimal.h"

namespace totp {
namespace {

constexpr std::string_view shown_word = "shown ";

}  // namespace

bool may_be_shown_again(const PendingDevice& pending, const Place& place, UnixTime now) {
    return pending.place == place && pending.shown <= now && now - pending.shown < pending_lifetime;
}

SecretBytes format_pending(const PendingDevice& pending) {
    SecretBytes text = format_enrolment({.devices = {pending.device}});
    text.append(std::string(shown_word) + std::to_string(pending.shown) + " " + pending.place + "\n");
    return text;
}

std::optional<PendingDevice> parse_pending(std::string_view text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
    auto enrolment = parse_enrolment(text.substr(0, end + 1));
    auto line = text.substr(end + 1);
    if (!enrolment || enrolment->devices.empty() || !line.starts_with(shown_word)) return std::nullopt;
    line.remove_prefix(shown_word.size());
    line.remove_suffix(1);
    const auto blank = line.find(' ');
    const auto shown = parse_decimal<UnixTime>(line.substr(0, blank));
    if (!shown || *shown < 0 || blank == std::string_view::npos) return std::nullopt;
    const Place place(line.substr(blank + 1));
    if (place.empty() || place.find_first_of(" \n") != Place::npos) return std::nullopt;
    return PendingDevice{std::move(enrolment->devices.front()), *shown, place};
}

}  // namespace totp
