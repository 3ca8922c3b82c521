// What core decides, for the database to be asked the same (replay.sql): one JSON object a line, in the words
// of conf/postgresql's types.
//
//     histories stories           the attempts of tests/vectors/verifier, as a helper is asked about them
//     histories lives SEED COUNT  so many attempts of accounts that are made up
//     histories places SEED COUNT so many remote hosts, and the places they stand for
//
// A case is the account's records and policy before, the attempt, the answer, and the state after it.
#include <iostream>

#include <nlohmann/json.hpp>

#include "core/hexadecimal.h"
#include "core/one_field.h"
#include "tests/fleet/generator.h"
#include "tests/unit/story.h"

namespace totp::testing {
namespace {

using Json = nlohmann::ordered_json;

// ---- values as the database's types

Json json_of(const Policy& policy) {
    return {{"window", policy.window},
            {"max_drift", policy.max_drift},
            {"resync_window", policy.resync_window},
            {"hotp_look_ahead", policy.hotp_look_ahead},
            {"free_failures", policy.free_failures},
            {"delay", policy.delay},
            {"max_delay", policy.max_delay},
            {"max_failures", policy.max_failures},
            {"budget", policy.budget},
            {"budget_drain", policy.budget_drain}};
}

std::string word_for(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::sha1: return "sha1";
        case Algorithm::sha256: return "sha256";
        case Algorithm::sha512: return "sha512";
    }
    return "";
}

/// Without its id, which the database makes itself.
Json json_of(const Device& device) {
    const auto& credential = device.credential;
    return {{"name", device.name},
            {"type", credential.type == CredentialType::hotp ? "hotp" : "totp"},
            {"algorithm", word_for(credential.algorithm)},
            {"digits", credential.digits},
            {"period", credential.period},
            {"secret", "\\x" + hexadecimal(credential.secret.octets())}};
}

Json json_of(const SideState& side) {
    const auto& near = side.near_miss;
    return {{"failures", side.failures},
            {"level", side.level},
            {"last_failure", side.last_failure},
            {"place", side.from},
            {"near_miss_device", near ? Json(near->device) : Json()},
            {"near_miss_counter", near ? Json(near->counter) : Json()}};
}

Json json_of(const DeviceState& device) {
    return {{"id", device.id},
            {"next", device.next ? Json(*device.next) : Json()},
            {"drift", device.drift},
            {"last_used", device.last_used},
            {"place", device.from}};
}

Json json_of(const KnownPlace& known) { return {{"place", known.place}, {"last_login", known.last_login}}; }

template <class Values>
Json array_of(const Values& values) {
    auto array = Json::array();
    for (const auto& value : values) array.push_back(json_of(value));
    return array;
}

/// A recovery code that is spent by its place in the enrolment: hashes aren't the same in both.
Json spent_of(const LoginState& state, const Enrolment& enrolment) {
    auto array = Json::array();
    for (const auto& id : state.spent_recovery) {
        const auto code = std::ranges::find(enrolment.recovery, id, &RecoveryHash::id);
        claim(code != enrolment.recovery.end(), "what is spent is enrolled");
        array.push_back(std::to_string(code - enrolment.recovery.begin()));
    }
    return array;
}

Json json_of(const LoginState& state, const Enrolment& enrolment) {
    return {{"known", json_of(state.known)},
            {"elsewhere", json_of(state.elsewhere)},
            {"devices", array_of(state.devices)},
            {"spent_recovery", spent_of(state, enrolment)},
            {"places", array_of(state.places)}};
}

Json recovery_of(const Enrolment& enrolment, const std::vector<SecretBytes>& codes) {
    auto array = Json::array();
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const auto& hash = enrolment.recovery[i];
        array.push_back({{"code", codes[i].text()},
                         {"form", hash.form == RecoveryForm::digits ? "digits" : "symbols"},
                         {"expires", hash.expires ? Json(*hash.expires) : Json()}});
    }
    return array;
}

Json json_of(const Decision& decision, UnixTime now) {
    const bool is_accepted = decision.verdict == Verdict::accepted;
    return {
        {"verdict", word_for(decision.verdict)},
        {"reason", decision.reason == Reason::none ? Json() : Json(word_for(decision.reason))},
        {"device", is_accepted ? Json(decision.device) : Json()},
        {"drift", is_accepted ? Json(decision.drift) : Json()},
        {"failures", decision.failures},
        {"retry_in", decision.retry_at ? Json(*decision.retry_at - now) : Json()},
    };
}

Json case_of(const Door& door, const std::vector<SecretBytes>& codes, const Attempt& attempt) {
    const auto decision = verify(door.enrolment, door.state, door.policy, attempt);
    return {{"policy", json_of(door.policy)},
            {"devices", array_of(door.enrolment.devices)},
            {"recovery", recovery_of(door.enrolment, codes)},
            {"before", json_of(door.state, door.enrolment)},
            {"now", attempt.now},
            {"place", attempt.place},
            {"service", attempt.is_at_home ? "totp_check" : ""},
            {"response", attempt.response},
            {"answer", json_of(decision, attempt.now)},
            {"after", json_of(decision.next, door.enrolment)}};
}

void print(const Json& line) { std::cout << line << '\n'; }

// ---- the three kinds

/// What a helper is asked: whether it is the password, and where the code begins, the module has found
/// before.
std::optional<Attempt> as_a_helper_is_asked(Attempt attempt) {
    if (reason_not_to_count(attempt) == Reason::password) return std::nullopt;
    attempt.password = "";
    if (!attempt.is_one_field) return attempt;
    const auto split = obvious_split(attempt.response);
    if (!split) return std::nullopt;
    attempt.response = split->code;
    attempt.is_one_field = false;
    return attempt;
}

void print_stories() {
    for (const auto& path : vector_files("verifier")) {
        Story story([&](const Door& door, const std::vector<SecretBytes>& codes, const Attempt& attempt) {
            const auto asked = as_a_helper_is_asked(attempt);
            if (!asked) return;
            auto line = case_of(door, codes, *asked);
            line["story"] = fs::path(path).stem();
            print(line);
        });
        for (const auto& line : lines_of(path)) story.play(line);
    }
}

/// Few for all accounts: a hash takes longer than all the rest.
std::vector<KeptCode> some_recovery_codes() {
    std::vector<KeptCode> kept;
    const auto set = value_of(new_recovery_codes(6));
    for (std::size_t i = 0; i < set.codes.size(); ++i) {
        kept.push_back({std::string(set.codes[i].text()), set.hashes[i]});
    }
    for (const auto* digits : {"12345678", "00000000"}) {
        const auto hash = value_of(keep_recovery_digits({SecretBytes(digits)}, {})).front();
        kept.push_back({digits, hash});
    }
    return kept;
}

void print_lives(std::uint64_t seed, int count) {
    constexpr int attempts_in_a_life = 25;
    Generator generator(seed);
    const auto codes = some_recovery_codes();
    for (int printed = 0; printed < count;) {
        Life life(generator, codes);
        for (int i = 0; i < attempts_in_a_life; ++i, ++printed) {
            const auto attempt = life.next_attempt();
            auto line = case_of(life.door(), life.recovery(), attempt);
            line["rhost"] = life.remote_host();
            print(line);
            life.make(attempt);
        }
    }
}

void print_places(std::uint64_t seed, int count) {
    Generator generator(seed);
    for (int i = 0; i < count; ++i) {
        const auto remote_host = generator.remote_host();
        print({{"rhost", remote_host}, {"place", remote_place(remote_host)}});
    }
}

}  // namespace
}  // namespace totp::testing

int main(int count, char** words) {
    using namespace totp::testing;
    const std::vector<std::string> arguments(words + 1, words + count);
    const auto number = [&](std::size_t i) { return std::stoull(arguments.at(i)); };
    if (arguments.size() == 1 && arguments[0] == "stories") {
        print_stories();
    } else if (arguments.size() == 3 && arguments[0] == "lives") {
        print_lives(number(1), static_cast<int>(number(2)));
    } else if (arguments.size() == 3 && arguments[0] == "places") {
        print_places(number(1), static_cast<int>(number(2)));
    } else {
        std::cerr << "usage: histories stories | lives SEED COUNT | places SEED COUNT\n";
        return 2;
    }
    return 0;
}
