// totp-enroll status: what is enrolled, and how it stands.
#include <ctime>

#include "core/known_places.h"
#include "core/throttle.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

/// A moment, or null where there never was one.
Json text(const std::string& text) { return std::string_view(text); }

Json text_or_null(const std::string& value) { return value.empty() ? Json() : text(value); }

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

/// The documented shape, for an account that is enrolled or not.
Json facts_of(const Session& session, const std::optional<Enrolment>& enrolment, const LoginState& state) {
    const auto now = std::time(nullptr);
    const auto& policy = session.settings().policy;
    Json facts = {{"user", text(session.account().name)},
                  {"enrolled", enrolment.has_value()},
                  {"devices", Json::array()}};
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

std::string number(const Json& fact) { return std::to_string(fact.get<std::int64_t>()); }

void print_device(const Json& device) {
    std::string line = "  " + text_of(device["name"]) + ": " + text_of(device["type"]) + ", " +
                       text_of(device["algorithm"]) + ", " + number(device["digits"]) + " digits";
    if (!device["period"].is_null()) line += ", " + number(device["period"]) + " s";
    if (device["last_used"].is_null()) {
        print(line + "; never used\n");
        return;
    }
    line += "; last used " + text_of(device["last_used"]);
    if (!device["last_from"].is_null()) line += " from " + text_of(device["last_from"]);
    if (device["drift"] != 0) line += "; its clock is " + number(device["drift"]) + " steps ahead of ours";
    print(line + "\n");
}

void print_side(const std::string& name, const Json& side) {
    auto line =
        name + ": " + number(side["failures"]) + " wrong codes in a row, level " + number(side["level"]);
    if (side["locked_until"] == "unlock") {
        line += ", locked until it is unlocked";
    } else if (!side["locked_until"].is_null()) {
        line += ", locked until " + text_of(side["locked_until"]);
    }
    print(line + "\n");
}

void print_facts(const Json& facts) {
    const auto user = text_of(facts["user"]);
    if (!facts["enrolled"]) {
        print(user + " is not enrolled. To enrol: totp-enroll add" + (is_root() ? " --user " + user : "") +
              "\n");
        return;
    }
    print(user + " is enrolled.\n\nDevices\n");
    for (const auto& device : facts["devices"]) print_device(device);
    print("\nRecovery codes left: " + number(facts["recovery_codes_left"]) + "\n");
    print_side("From known places", facts["known"]);
    print_side("From elsewhere", facts["elsewhere"]);
    if (facts["places"].empty()) return;
    print("\nKnown places\n");
    for (const auto& place : facts["places"]) {
        auto line = "  " + text_of(place["address"]) + ", last " + text_of(place["last"]);
        if (!place["remembered_until"].is_null())
            line += "; no code is asked until " + text_of(place["remembered_until"]);
        print(line + "\n");
    }
}

/// Read while the account was held, which it isn't any more while somebody reads them.
Result<Json> facts_of(const Session& session) {
    const auto held = session.hold(HoldFor::login);
    if (!held) return held.failure();
    return facts_of(session, (*held)->enrolment(), (*held)->state());
}

class Status : public AccountCommand {
  public:
    void declare(CLI::App& app) override { app.footer("Example: totp-enroll status --user alice --json"); }

  private:
    int act(const Session& session) override {
        const auto facts = facts_of(session);
        if (!facts) return complain(facts.failure());
        if (session.json()) {
            print_json(*facts);
        } else {
            print_facts(*facts);
        }
        return (*facts)["enrolled"] ? exit_done : exit_refused;
    }
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace totp
