#include "core/login_state.h"

#include <algorithm>
#include <stdexcept>

#include "core/checksum.h"
#include "core/decimal.h"

namespace totp {
namespace {

constexpr std::string_view heading = "pam-totp-state 1";
constexpr std::string_view nothing = "-";
constexpr std::size_t id_length = 16;
constexpr UnixTime last_second = 99'999'999'999;  // of the year 5138: eleven digits
constexpr int most_failures = 999'999;
constexpr std::int64_t highest_level = 99'999'999'999;
constexpr int widest_drift = 999;

// ---- writing

std::string or_nothing(const std::string& text) { return text.empty() ? std::string(nothing) : text; }

std::string text_of(const SideState& side) {
    std::string text = std::to_string(side.failures) + "," + std::to_string(side.level) + "," +
                       std::to_string(side.last_failure) + "," + or_nothing(side.from) + ",";
    if (!side.near_miss) return text + std::string(nothing);
    return text + side.near_miss->device + "@" + std::to_string(side.near_miss->counter);
}

std::string text_of(const DeviceState& device) {
    return device.id + "," + (device.next ? std::to_string(*device.next) : std::string(nothing)) + "," +
           std::to_string(device.drift) + "," + std::to_string(device.last_used) + "," +
           or_nothing(device.from);
}

std::string text_of(const KnownPlace& known) {
    const auto text = known.place + "," + std::to_string(known.last_login);
    return known.interface_id.empty() ? text : text + "," + known.interface_id;
}

std::string text_of(const Changes& changes) {
    return std::to_string(changes.last) + "," + (changes.added_device ? "a" : "") +
           (changes.removed_device ? "r" : "") + (changes.renewed_recovery ? "c" : "");
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : ",") + text;
    return all;
}

// ---- reading

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool read_place(std::string_view text, Place& place) {
    if (text.empty() || text.size() > maximum_place) return false;
    if (text != nothing) place = text;
    return true;
}

bool read_counter(std::string_view text, Counter& counter) {
    return read_decimal(text, Counter{0}, Counter{INT64_MAX}, counter);
}

bool read_near_miss(std::string_view text, std::optional<NearMiss>& near_miss) {
    if (text == nothing) return true;
    NearMiss value;
    value.device = text.substr(0, id_length);
    if (text.size() <= id_length || text[id_length] != '@') return false;
    if (!read_counter(text.substr(id_length + 1), value.counter)) return false;
    near_miss = std::move(value);
    return true;
}

bool read_side(std::string_view text, SideState& side) {
    const auto parts = split(text, ',');
    return parts.size() == 5 && read_decimal(parts[0], 0, most_failures, side.failures) &&
           read_decimal(parts[1], std::int64_t{0}, highest_level, side.level) &&
           read_decimal(parts[2], UnixTime{0}, last_second, side.last_failure) &&
           read_place(parts[3], side.from) && read_near_miss(parts[4], side.near_miss);
}

bool read_device(std::string_view text, LoginState& state) {
    const auto parts = split(text, ',');
    if (parts.size() != 5 || parts[0].size() != id_length || state.device(parts[0]) != nullptr) return false;
    DeviceState device{.id = std::string(parts[0])};
    if (parts[1] != nothing && !read_counter(parts[1], device.next.emplace())) return false;
    if (!read_decimal(parts[2], -widest_drift, widest_drift, device.drift)) return false;
    if (!read_decimal(parts[3], UnixTime{0}, last_second, device.last_used)) return false;
    if (!read_place(parts[4], device.from)) return false;
    state.devices.push_back(std::move(device));
    return state.devices.size() <= maximum_devices;
}

bool read_spent(std::string_view text, LoginState& state) {
    for (const auto id : split(text, ',')) {
        if (id.size() != RecoveryHash::id_size) return false;
        state.spent_recovery.emplace_back(id);
    }
    return state.spent_recovery.size() <= maximum_recovery_codes;
}

bool read_known_place(std::string_view text, LoginState& state) {
    const auto parts = split(text, ',');
    KnownPlace known;
    const bool is_network = parts.size() == 3;
    if ((parts.size() != 2 && !is_network) || !read_place(parts[0], known.place) || known.place.empty())
        return false;
    if (!read_decimal(parts[1], UnixTime{0}, last_second, known.last_login)) return false;
    if (is_network) known.interface_id = parts[2];
    if (is_network && (known.interface_id.empty() || !single_address(known.place, known.interface_id)))
        return false;
    state.places.push_back(std::move(known));
    return state.places.size() <= maximum_known_places;
}

bool read_changes(std::string_view text, std::optional<Changes>& changes) {
    const auto parts = split(text, ',');
    Changes value;
    if (parts.size() != 2 || !read_decimal(parts[0], UnixTime{0}, last_second, value.last)) return false;
    for (const auto& [kind, member] :
         {std::pair('a', &Changes::added_device), std::pair('r', &Changes::removed_device),
          std::pair('c', &Changes::renewed_recovery)}) {
        value.*member = parts[1].find(kind) != std::string_view::npos;
    }
    if (parts[1].empty() || text_of(value) != text) return false;
    changes = value;
    return true;
}

/// The words of a slot, taken from the left.
class Words {
  public:
    explicit Words(std::string_view text) : words_(split(text, ' ')) {}

    /// What follows `name=` in the next word, if that is its name.
    std::optional<std::string_view> take(std::string_view name) {
        if (next_ == words_.size()) return std::nullopt;
        const auto word = words_[next_];
        if (!word.starts_with(name) || word.substr(name.size(), 1) != "=") return std::nullopt;
        ++next_;
        return word.substr(name.size() + 1);
    }
    bool are_used_up() const { return next_ == words_.size(); }

  private:
    std::vector<std::string_view> words_;
    std::size_t next_ = 0;
};

std::optional<LoginState> parse_words(Words words) {
    LoginState state;
    const auto sequence = words.take("seq");
    if (!sequence || !read_decimal(*sequence, std::uint64_t{0}, UINT64_MAX, state.sequence))
        return std::nullopt;
    const auto known = words.take("known");
    if (!known || !read_side(*known, state.known)) return std::nullopt;
    const auto elsewhere = words.take("elsewhere");
    if (!elsewhere || !read_side(*elsewhere, state.elsewhere)) return std::nullopt;
    while (const auto device = words.take("device")) {
        if (!read_device(*device, state)) return std::nullopt;
    }
    if (const auto spent = words.take("spent"); spent && !read_spent(*spent, state)) return std::nullopt;
    while (const auto place = words.take("place")) {
        if (!read_known_place(*place, state)) return std::nullopt;
    }
    const auto changed = words.take("changed");
    if (changed && !read_changes(*changed, state.changes)) return std::nullopt;
    if (!words.are_used_up()) return std::nullopt;
    return state;
}

/// What a slot says before its padding and checksum.
std::optional<LoginState> parse_body(std::string_view text) {
    if (!text.starts_with(heading) || text.substr(heading.size(), 1) != " ") return std::nullopt;
    return parse_words(Words(text.substr(heading.size() + 1)));
}

/// What a slot says of itself, whole or torn: which of two is to be looked at first.
std::uint64_t claimed_sequence(std::string_view slot) {
    const auto begin = slot.find('=') + 1;
    return parse_decimal<std::uint64_t>(slot.substr(begin, slot.find(' ', begin) - begin)).value_or(0);
}

constexpr std::string_view sum_word = " sum=";
constexpr std::size_t sum_size = 16;
constexpr std::size_t tail_size = sum_word.size() + sum_size + 1;
constexpr std::size_t body_size = slot_size - tail_size;

}  // namespace

DeviceState* LoginState::device(std::string_view id) {
    const auto found = std::ranges::find(devices, id, &DeviceState::id);
    return found == devices.end() ? nullptr : &*found;
}

const DeviceState* LoginState::device(std::string_view id) const {
    return const_cast<LoginState*>(this)->device(id);
}

bool LoginState::has_spent(const RecoveryHash& code) const {
    return std::ranges::find(spent_recovery, code.id()) != spent_recovery.end();
}

LoginState new_login_state(const Enrolment& enrolment) {
    LoginState state;
    for (const auto& device : enrolment.devices) {
        state.devices.push_back({.id = device.id, .next = device.credential.counter});
    }
    return state;
}

LoginState with_lost_devices_restarted(LoginState state, const Enrolment& enrolment, UnixTime now) {
    if (device_without_state(enrolment, state) == nullptr) return state;
    state = without_strangers(std::move(state), enrolment);
    if (state.devices.empty()) {
        for (const auto& code : enrolment.recovery) {
            if (!state.has_spent(code)) note_spent(state, code, enrolment);
        }
    }
    for (const auto& [name, credential, id] : enrolment.devices) {
        if (state.device(id) != nullptr) continue;
        DeviceState restarted{.id = id};
        if (credential.type == CredentialType::totp) restarted.next = time_step(now, credential.period) + 1;
        state.devices.push_back(std::move(restarted));
    }
    return state;
}

const Device* device_without_state(const Enrolment& enrolment, const LoginState& state) {
    const auto lost = std::ranges::find_if(
        enrolment.devices, [&](const Device& device) { return state.device(device.id) == nullptr; });
    return lost == enrolment.devices.end() ? nullptr : &*lost;
}

LoginState without_strangers(LoginState state, const Enrolment& enrolment) {
    std::erase_if(state.devices, [&](const DeviceState& device) {
        return std::ranges::find(enrolment.devices, device.id, &Device::id) == enrolment.devices.end();
    });
    return state;
}

void note_spent(LoginState& state, const RecoveryHash& code, const Enrolment& enrolment) {
    auto& spent = state.spent_recovery;
    if (spent.size() >= maximum_recovery_codes) {
        const auto stranger = std::ranges::find_if(spent, [&](const std::string& id) {
            return std::ranges::find(enrolment.recovery, id, &RecoveryHash::id) == enrolment.recovery.end();
        });
        if (stranger != spent.end()) spent.erase(stranger);
    }
    spent.push_back(code.id());
}

std::size_t recovery_codes_left(const Enrolment& enrolment, const LoginState& state, UnixTime now) {
    return static_cast<std::size_t>(std::ranges::count_if(enrolment.recovery, [&](const RecoveryHash& code) {
        return !state.has_spent(code) && (!code.expires || *code.expires > now);
    }));
}

void note_change(LoginState& state, const Changes& change) {
    auto& changes = state.changes ? *state.changes : state.changes.emplace();
    changes.last = change.last;
    changes.added_device |= change.added_device;
    changes.removed_device |= change.removed_device;
    changes.renewed_recovery |= change.renewed_recovery;
}

Slot format_slot(const LoginState& state) {
    std::string text(heading);
    text += " seq=" + std::to_string(state.sequence);
    text += " known=" + text_of(state.known) + " elsewhere=" + text_of(state.elsewhere);
    for (const auto& device : state.devices) text += " device=" + text_of(device);
    if (!state.spent_recovery.empty()) text += " spent=" + joined(state.spent_recovery);
    for (const auto& known : state.places) {
        text += " place=" + text_of(known);
    }
    if (state.changes) text += " changed=" + text_of(*state.changes);
    if (text.size() > body_size) throw std::logic_error("a login state outgrew its slot");
    if (parse_body(text) != state) throw std::logic_error("a login state can't be read again");
    text.resize(body_size, ' ');
    text += std::string(sum_word) + checksum_text(text) + "\n";
    Slot slot;
    std::ranges::copy(text, slot.begin());
    return slot;
}

std::optional<LoginState> parse_slot(std::string_view slot) {
    if (slot.size() != slot_size) return std::nullopt;
    const auto body = slot.substr(0, body_size);
    if (slot.substr(body_size) != std::string(sum_word) + checksum_text(body) + "\n") return std::nullopt;
    return parse_body(body.substr(0, body.find_last_not_of(' ') + 1));
}

std::optional<LoginState> newest(const SlotPair& slots) {
    const std::string_view first(slots[0].data(), slot_size);
    const std::string_view second(slots[1].data(), slot_size);
    const bool is_first_newer = claimed_sequence(first) > claimed_sequence(second);
    auto state = parse_slot(is_first_newer ? first : second);
    return state ? state : parse_slot(is_first_newer ? second : first);
}

}  // namespace totp
