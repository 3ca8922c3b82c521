#include "enroll/standing.h"

#include <algorithm>

#include "core/known_places.h"
#include "core/percent.h"
#include "core/throttle.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

Json text(const std::string& text) { return std::string_view(text); }

Json text_or_null(const std::string& value) { return value.empty() ? Json() : text(value); }

/// Null where there never was one.
Json moment(UnixTime time) { return time == 0 ? Json() : text(rfc3339(time)); }

Json locked_until(const SideState& side, const Policy& policy, UnixTime now) {
    const auto until = closed_until(side, policy, now);
    if (!until) return {};
    return *until == no_end ? text("unlock") : text(rfc3339(*until));
}

Json facts_of(const SideState& side, const Policy& policy, UnixTime now) {
    return {{"failures", side.failures},
            {"level", level_now(side, policy, now)},
            {"locked_until", locked_until(side, policy, now)}};
}

Json facts_of(const Device& device, const DeviceState& state) {
    const auto& credential = device.credential;
    return {{"name", text(device.name)},
            {"type", name_of(credential.type)},
            {"algorithm", name_of(credential.algorithm)},
            {"digits", credential.digits},
            {"period", credential.type == CredentialType::totp ? Json(credential.period) : Json()},
            {"drift", state.drift},
            {"last_used", moment(state.last_used)},
            {"last_from", text_or_null(state.from)}};
}

std::string number(const Json& fact) { return std::to_string(fact.get<std::int64_t>()); }

std::string device_line(const Json& device) {
    std::string line = "  " + text_of(device["name"]) + ": " + text_of(device["type"]) + ", " +
                       text_of(device["algorithm"]) + ", " + number(device["digits"]) + " digits";
    if (!device["period"].is_null()) line += ", " + number(device["period"]) + " s";
    if (device["last_used"].is_null()) return line + "; never used\n";
    line += "; last used " + text_of(device["last_used"]);
    if (!device["last_from"].is_null()) line += " from " + text_of(device["last_from"]);
    if (device["drift"] != 0) line += "; its clock is " + number(device["drift"]) + " steps ahead of ours";
    return line + "\n";
}

/// As the end of a line; empty where the side is open.
std::string lock_of(const Json& side) {
    if (side["locked_until"].is_null()) return "";
    if (side["locked_until"] == "unlock") return ", locked until it is unlocked";
    return ", locked until " + text_of(side["locked_until"]);
}

std::string side_line(const std::string& name, const Json& side) {
    return name + ": " + number(side["failures"]) + " wrong codes in a row, level " + number(side["level"]) +
           lock_of(side) + "\n";
}

std::string place_line(const Json& place) {
    auto line = "  " + text_of(place["address"]) + ", last " + text_of(place["last"]);
    if (!place["remembered_until"].is_null())
        line += "; no code is asked until " + text_of(place["remembered_until"]);
    return line + "\n";
}

std::string count(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

/// When any of them was used last: RFC 3339 in UTC sorts by time.
std::string last_use(const Json& devices) {
    std::string last;
    for (const auto& device : devices) {
        if (!device["last_used"].is_null()) last = std::max(last, text_of(device["last_used"]));
    }
    return last;
}

/// Nothing of a side without failures that is open.
std::string side_words(const std::string& name, const Json& side) {
    const auto failures = side["failures"].get<std::size_t>();
    const auto lock = lock_of(side);
    if (failures == 0 && lock.empty()) return "";
    return "; " + count(failures, "wrong code") + " from " + name + lock;
}

}  // namespace

Json standing_of(const std::string& user, const std::optional<Enrolment>& enrolment, const LoginState& state,
                 const Policy& policy, UnixTime now) {
    Json facts = {{"user", text(user)}, {"enrolled", enrolment.has_value()}, {"devices", Json::array()}};
    if (enrolment) {
        for (const auto& device : enrolment->devices) {
            const auto* device_state = state.device(device.id);
            facts["devices"].push_back(
                facts_of(device, device_state != nullptr ? *device_state : DeviceState{}));
        }
    }
    facts["recovery_codes_left"] = enrolment ? recovery_codes_left(*enrolment, state, now) : 0;
    facts["known"] = facts_of(state.known, policy, now);
    facts["elsewhere"] = facts_of(state.elsewhere, policy, now);
    facts["places"] = Json::array();
    for (const auto& known : state.places) {
        const auto until = remembered_until(state, policy, known.place, known.interface_id, now);
        facts["places"].push_back({{"address", text(known.place)},
                                   {"last", text(rfc3339(known.last_login))},
                                   {"remembered_until", until ? text(rfc3339(*until)) : Json()}});
    }
    return facts;
}

Json standing_of_unusable(const std::string& user, const Failure& failure) {
    return {{"user", text(user)}, {"error", text(failure.message.english())}};
}

std::string page_of(const Json& standing, bool is_for_root) {
    const auto user = text_of(standing["user"]);
    if (!standing["enrolled"]) {
        return user + " is not enrolled. To enrol: totp-enroll add" + (is_for_root ? " --user " + user : "") +
               "\n";
    }
    auto page = user + " is enrolled.\n\nDevices\n";
    for (const auto& device : standing["devices"]) page += device_line(device);
    page += "\nRecovery codes left: " + number(standing["recovery_codes_left"]) + "\n";
    page += side_line("From known places", standing["known"]);
    page += side_line("From elsewhere", standing["elsewhere"]);
    if (standing["places"].empty()) return page;
    page += "\nKnown places\n";
    for (const auto& place : standing["places"]) page += place_line(place);
    return page;
}

std::string line_of(const Json& standing) {
    const auto begin = printable(text_of(standing["user"])) + ": ";
    if (standing.contains("error")) return begin + text_of(standing["error"]) + "\n";
    auto line = begin + "not enrolled";
    if (standing["enrolled"]) {
        const auto last = last_use(standing["devices"]);
        line = begin + count(standing["devices"].size(), "device") + ", " +
               count(standing["recovery_codes_left"].get<std::size_t>(), "recovery code") + " left, " +
               (last.empty() ? "never used" : "last used " + last);
    }
    return line + side_words("known places", standing["known"]) +
           side_words("elsewhere", standing["elsewhere"]) + "\n";
}

}  // namespace totp
