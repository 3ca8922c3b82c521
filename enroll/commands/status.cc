// totp-enroll status: what is enrolled, and how it stands.
#include <ctime>
#include <iostream>

#include "core/verifier.h"
#include "enroll/command.h"
#include "enroll/exit_code.h"
#include "enroll/json.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

std::size_t recovery_codes_left(const Enrolment& enrolment, const LoginState& state, UnixTime now) {
    return static_cast<std::size_t>(std::ranges::count_if(enrolment.recovery, [&](const RecoveryHash& code) {
        return !state.has_spent(code) && (!code.expires || *code.expires > now);
    }));
}

/// A moment, or null where there never was one.
Json moment(UnixTime time) { return time == 0 ? Json() : Json(rfc3339(time)); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json locked_until(const SideState& side, const Policy& policy, UnixTime now) {
    const auto until = closed_until(side, policy, now);
    if (!until) return {};
    return *until == no_end ? Json("unlock") : Json(rfc3339(*until));
}

Json facts_of(const SideState& side, const Policy& policy, UnixTime now) {
    return {{"failures", side.failures},
            {"level", level_now(side, policy, now)},
            {"locked_until", locked_until(side, policy, now)}};
}

Json facts_of(const Device& device, const DeviceState& state) {
    const auto& credential = device.credential;
    return {{"name", device.name},
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
    const auto& policy = session.settings.policy;
    Json facts = {
        {"user", session.account.name}, {"enrolled", enrolment.has_value()}, {"devices", Json::array()}};
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
        facts["places"].push_back({{"address", known.place}, {"last", rfc3339(known.last_login)}});
    }
    return facts;
}

void print_device(const Json& device) {
    std::cout << "  " << device["name"].get<std::string>() << ": " << device["type"].get<std::string>()
              << ", " << device["algorithm"].get<std::string>() << ", " << device["digits"] << " digits";
    if (!device["period"].is_null()) std::cout << ", " << device["period"] << " s";
    if (device["last_used"].is_null()) {
        std::cout << "; never used\n";
        return;
    }
    std::cout << "; last used " << device["last_used"].get<std::string>();
    if (!device["last_from"].is_null()) std::cout << " from " << device["last_from"].get<std::string>();
    if (device["drift"] != 0) std::cout << "; its clock is " << device["drift"] << " steps ahead of ours";
    std::cout << "\n";
}

void print_side(const char* name, const Json& side) {
    std::cout << name << ": " << side["failures"] << " wrong codes in a row, level " << side["level"];
    if (side["locked_until"] == "unlock") {
        std::cout << ", locked until it is unlocked";
    } else if (!side["locked_until"].is_null()) {
        std::cout << ", locked until " << side["locked_until"].get<std::string>();
    }
    std::cout << "\n";
}

void print(const Json& facts) {
    const auto user = facts["user"].get<std::string>();
    if (!facts["enrolled"]) {
        std::cout << user << " is not enrolled. To enrol: totp-enroll add --user " << user << "\n";
        return;
    }
    std::cout << user << " is enrolled.\n\nDevices\n";
    for (const auto& device : facts["devices"]) print_device(device);
    std::cout << "\nRecovery codes left: " << facts["recovery_codes_left"] << "\n";
    print_side("From known places", facts["known"]);
    print_side("From elsewhere", facts["elsewhere"]);
    if (facts["places"].empty()) return;
    std::cout << "\nKnown places\n";
    for (const auto& place : facts["places"]) {
        std::cout << "  " << place["address"].get<std::string>() << ", last "
                  << place["last"].get<std::string>() << "\n";
    }
}

class Status : public Command {
  public:
    void declare(CLI::App& app) override { app.footer("Example: totp-enroll status --user alice --json"); }

    int run(Session session) override {
        const auto held = session.store.hold(session.account, HoldFor::login);
        if (!held) return complain(held.failure());
        const auto& enrolment = (*held)->enrolment();
        const auto facts = facts_of(session, enrolment, (*held)->state());
        if (session.json) {
            print_json(facts);
        } else {
            print(facts);
        }
        return enrolment ? exit_done : exit_refused;
    }
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace totp
