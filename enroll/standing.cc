#include "enroll/standing.h"

#include <algorithm>

#include "core/known_places.h"
#include "core/percent.h"
#include "core/shell_words.h"
#include "core/throttle.h"
#include "enroll/json.h"
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

Sentence parameters_of(const Json& device) {
    const auto name = text_of(device.at("name"));
    const auto type = text_of(device.at("type"));
    const auto algorithm = text_of(device.at("algorithm"));
    if (device.at("period").is_null())
        return tr("%1: %2, %3, %4 digits", {name, type, algorithm, number(device.at("digits"))});
    return tr("%1: %2, %3, %4 digits, %5 s",
              {name, type, algorithm, number(device.at("digits")), number(device.at("period"))});
}

Sentence device_line(const Json& device) {
    const auto parameters = parameters_of(device);
    if (device.at("last_used").is_null()) return tr("%1; never used", {parameters});
    const auto last = text_of(device.at("last_used"));
    auto line = device.at("last_from").is_null()
                    ? tr("%1; last used %2", {parameters, last})
                    : tr("%1; last used %2 from %3", {parameters, last, text_of(device.at("last_from"))});
    if (device.at("drift") == 0 || device.at("period").is_null()) return line;
    const auto seconds = device.at("drift").get<std::int64_t>() * device.at("period").get<std::int64_t>();
    return tr("%1; %2", {line, clock_off_by(seconds)});
}

/// A side, with how it is locked where it is.
Sentence with_lock(const Sentence& words, const Json& side) {
    if (side.at("locked_until").is_null()) return words;
    if (side.at("locked_until") == "unlock") return tr("%1, locked until it is unlocked", {words});
    return tr("%1, locked until %2", {words, text_of(side.at("locked_until"))});
}

Sentence known_line(const Json& side) {
    return with_lock(tr("From known places: %1 wrong codes in a row, level %2",
                        {number(side.at("failures")), number(side.at("level"))}),
                     side);
}

Sentence elsewhere_line(const Json& side) {
    return with_lock(tr("From elsewhere: %1 wrong codes in a row, level %2",
                        {number(side.at("failures")), number(side.at("level"))}),
                     side);
}

Sentence place_line(const Json& place) {
    const auto address = text_of(place.at("address"));
    const auto last = text_of(place.at("last"));
    if (place.at("remembered_until").is_null()) return tr("%1, last %2", {address, last});
    return tr("%1, last %2; no code is asked until %3",
              {address, last, text_of(place.at("remembered_until"))});
}

/// When any of them was used last: RFC 3339 in UTC sorts by time.
std::string last_use(const Json& devices) {
    std::string last;
    for (const auto& device : devices) {
        if (!device.at("last_used").is_null()) last = std::max(last, text_of(device.at("last_used")));
    }
    return last;
}

bool is_worth_a_word(const Json& side) {
    return side.at("failures") != 0 || !side.at("locked_until").is_null();
}

std::int64_t failures_of(const Json& side) { return side.at("failures").get<std::int64_t>(); }

/// A line about an account, and about its sides where they have failures or are locked.
Sentence with_sides(Sentence line, const Json& standing) {
    if (const auto& side = standing.at("known"); is_worth_a_word(side)) {
        line = with_lock(tr_n("%2; %1 wrong code from known places", "%2; %1 wrong codes from known places",
                              failures_of(side), {line}),
                         side);
    }
    if (const auto& side = standing.at("elsewhere"); is_worth_a_word(side)) {
        line = with_lock(tr_n("%2; %1 wrong code from elsewhere", "%2; %1 wrong codes from elsewhere",
                              failures_of(side), {line}),
                         side);
    }
    return line;
}

Sentence line_of_enrolled(const Json& standing) {
    const auto devices =
        tr_n("%1 device", "%1 devices", static_cast<std::int64_t>(standing.at("devices").size()));
    const auto codes = tr_n("%1 recovery code left", "%1 recovery codes left",
                            standing.at("recovery_codes_left").get<std::int64_t>());
    const auto last = last_use(standing.at("devices"));
    return last.empty() ? tr("%1, %2, never used", {devices, codes})
                        : tr("%1, %2, last used %3", {devices, codes, last});
}

/// Nothing where it isn't one.
std::optional<Json> standing_in(const std::optional<SecretBytes>& text) {
    auto standing = text ? Json::parse(text->text(), nullptr, false) : Json();
    const bool is_one = standing.is_object() && standing.contains("user") && standing["user"].is_string() &&
                        standing.contains("enrolled") && standing["enrolled"].is_boolean();
    return is_one ? std::optional(std::move(standing)) : std::nullopt;
}

}  // namespace

Sentence clock_off_by(std::int64_t seconds) {
    return seconds > 0 ? tr("its clock is %1 s ahead of this machine's", {seconds})
                       : tr("its clock is %1 s behind this machine's", {-seconds});
}

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

Result<Json> standing_of(const AccountElsewhere& account) {
    const auto facts = account.order("status");
    if (!facts) return facts.failure();
    auto standing = facts->size() == 1 ? standing_in(facts->front()) : std::nullopt;
    if (standing) return *std::move(standing);
    return senseless(account.account().name);
}

Result<std::vector<Json>> standings_after(const std::string& name, const DatabaseElsewhere& database) {
    constexpr int at_once = 100;  // at most 4 KiB each, encoded: longest_facts holds them
    const auto facts = database.order("statuses", {value_of(name), value_of(std::to_string(at_once))});
    if (!facts) return facts.failure();
    std::vector<Json> standings;
    standings.reserve(facts->size());
    for (const auto& text : *facts) {
        auto standing = standing_in(text);
        if (!standing) {
            return Failure{Trouble::store,
                           tr("what the database says of those after %1 makes no sense", {printable(name)})};
        }
        standings.push_back(*std::move(standing));
    }
    return standings;
}

std::string page_of(const Json& standing, bool is_for_root) {
    const auto user = text_of(standing.at("user"));
    std::string page;
    const auto line = [&](const Sentence& sentence, const char* margin = "") {
        page += margin + sentence.translated() + "\n";
    };
    if (!standing.at("enrolled")) {
        line(is_for_root
                 ? tr("%1 is not enrolled. To enrol: totp-enroll add --user %2", {user, shell_word(user)})
                 : tr("%1 is not enrolled. To enrol: totp-enroll add", {user}));
        return page;
    }
    line(tr("%1 is enrolled.", {user}));
    line(tr("Devices"), "\n");
    for (const auto& device : standing.at("devices")) line(device_line(device), "  ");
    line(tr("Recovery codes left: %1", {number(standing.at("recovery_codes_left"))}), "\n");
    line(known_line(standing.at("known")));
    line(elsewhere_line(standing.at("elsewhere")));
    if (standing.at("places").empty()) return page;
    line(tr("Known places"), "\n");
    for (const auto& place : standing.at("places")) line(place_line(place), "  ");
    return page;
}

std::string line_of(const Json& standing) {
    const auto user = printable(text_of(standing.at("user")));
    const auto line = standing.at("enrolled") ? line_of_enrolled(standing) : tr("not enrolled");
    return user + ": " + with_sides(line, standing).translated() + "\n";
}

}  // namespace totp
