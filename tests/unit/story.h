// Stories: attempts at a door, one a line, each with what must come of it (tests/vectors/verifier/*.txt).
//
//     set SETTING=NUMBER                      of the policy
//     device NAME [type=hotp] [algorithm=A] [digits=N] [period=N] [counter=N]
//     recovery N                              a set of N recovery codes
//     digits CODE...                          and these of eight digits
//     expires N TIME                          the Nth of them, counted from 0
//     known PLACE TIME                        logged in from there so long before the story begins
//     TIME PLACE RESPONSE [password=RESPONSE] -> VERDICT [REASON] [WORD=VALUE]...
//
// TIME       since the story began: 90, 5m, 6h, 90d, or a sum like 90d-1. It may go back.
// RESPONSE   phone, phone+2, phone-1   what the device shows so many steps from now
//            key@7                     what it shows at this counter
//            recovery#0                a recovery code
//            wrong                     six digits no device shows
//            text:TEXT                 anything, percent-encoded
//            secret&phone              one field: a password, and a response behind it
// WORD       device, drift, failures, retry (a TIME, or never), level and side (known, elsewhere): the
//            side the attempt came from, before it, and its level after it; password: of one field, what
//            stands before the code.
#pragma once

#include <functional>
#include <map>

#include "core/decimal.h"
#include "core/known_places.h"
#include "core/percent.h"
#include "core/throttle.h"
#include "tests/unit/door.h"

namespace totp::testing {

using Words = std::vector<std::string>;

inline Words words_of(const std::string& line) {
    std::istringstream text(line);
    return {std::istream_iterator<std::string>(text), {}};
}

template <class Number>
Number number_in(std::string_view text) {
    const auto number = parse_decimal<Number>(text);
    claim(number.has_value(), std::string(text) + " is a number");
    return *number;
}

/// Seconds, of a sum of numbers with units.
inline UnixTime seconds_in(std::string_view text) {
    const std::map<char, UnixTime> units = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}};
    UnixTime sum = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of("+-", 1), text.size());
        auto term = text.substr(text.front() == '+' ? 1 : 0, end - (text.front() == '+' ? 1 : 0));
        const auto unit = units.find(term.back());
        if (unit != units.end()) term.remove_suffix(1);
        sum += number_in<UnixTime>(term) * (unit == units.end() ? 1 : unit->second);
        text.remove_prefix(end);
    }
    return sum;
}

/// The word `name=`'s value among `words`, or `otherwise`.
inline std::string value_among(const Words& words, const std::string& name, const std::string& otherwise) {
    for (const auto& word : words) {
        if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
    }
    return otherwise;
}

class Story {
  public:
    /// Told of each attempt before it is made: at which door, and what its recovery codes are.
    using Listener = std::function<void(const Door&, const std::vector<SecretBytes>&, const Attempt&)>;

    explicit Story(Listener listener = {}) : listener_(std::move(listener)) {}

    void play(const std::string& line) {
        const auto words = words_of(line);
        const std::map<std::string, void (Story::*)(const Words&)> openings = {
            {"set", &Story::set},
            {"device", &Story::add_device},
            {"recovery", &Story::add_recovery},
            {"digits", &Story::add_recovery_digits},
            {"expires", &Story::set_expiry},
            {"known", &Story::add_place}};
        const auto opening = openings.find(words[0]);
        if (opening == openings.end()) return attempt(line, words);
        (this->*opening->second)(words);
    }

  private:
    void set(const Words& words) {
        const std::map<std::string, int Policy::*> settings = {{"window", &Policy::window},
                                                               {"max_drift", &Policy::max_drift},
                                                               {"resync_window", &Policy::resync_window},
                                                               {"hotp_look_ahead", &Policy::hotp_look_ahead},
                                                               {"free_failures", &Policy::free_failures},
                                                               {"delay", &Policy::delay},
                                                               {"max_delay", &Policy::max_delay},
                                                               {"max_failures", &Policy::max_failures},
                                                               {"budget", &Policy::budget},
                                                               {"budget_drain", &Policy::budget_drain}};
        for (const auto& [name, member] : settings) {
            const auto value = value_among(words, name, "");
            if (!value.empty()) door_.policy.*member = number_in<int>(value);
        }
    }

    void add_device(const Words& words) {
        const auto number = [&](const char* name, const char* otherwise) {
            return number_in<int>(value_among(words, name, otherwise));
        };
        const bool is_hotp = value_among(words, "type", "totp") == "hotp";
        const auto device = device_of(
            words[1], {.type = is_hotp ? CredentialType::hotp : CredentialType::totp,
                       .algorithm = algorithm_named(value_among(words, "algorithm", "SHA1")).value(),
                       .digits = number("digits", "6"),
                       .period = number("period", "30"),
                       .counter = static_cast<Counter>(number("counter", "0"))});
        door_.enrolment.devices.push_back(device);
        door_.state.devices.push_back({.id = device.id, .next = device.credential.counter});
    }

    void add_recovery(const Words& words) {
        auto set = value_of(new_recovery_codes(number_in<std::size_t>(words[1])));
        recovery_ = std::move(set.codes);
        door_.enrolment.recovery = std::move(set.hashes);
    }

    void add_recovery_digits(const Words& words) {
        std::vector<SecretBytes> codes;
        for (auto word = std::next(words.begin()); word != words.end(); ++word) codes.emplace_back(*word);
        auto& recovery = door_.enrolment.recovery;
        const auto hashes = value_of(keep_recovery_digits(codes, recovery));
        recovery.insert(recovery.end(), hashes.begin(), hashes.end());
        std::ranges::move(codes, std::back_inserter(recovery_));
    }

    void set_expiry(const Words& words) {
        door_.enrolment.recovery.at(number_in<std::size_t>(words[1])).expires = start + seconds_in(words[2]);
    }

    static Place place_of(const std::string& word) {
        return word.starts_with("local:") ? word : remote_place(word);
    }

    void add_place(const Words& words) {
        door_.state.places.push_back({place_of(words[1]), start - seconds_in(words[2])});
    }

    std::string response(const std::string& text, UnixTime now) const {
        if (text == "wrong") return door_.wrong_code(now);
        if (text.starts_with("text:")) return std::string(percent_decode(text.substr(5)).value().text());
        if (text.starts_with("recovery#")) {
            return std::string(recovery_.at(number_in<std::size_t>(text.substr(9))).text());
        }
        const auto end = std::min(text.find_first_of("@+-"), text.size());
        const auto* device = door_.enrolment.device_named(text.substr(0, end));
        claim(device != nullptr, text + " is a response");
        if (end == text.size()) return code_around(device->credential, now, 0);
        if (text[end] == '@') return code_at(device->credential, number_in<Counter>(text.substr(end + 1)));
        return code_around(device->credential, now, std::stoi(text.substr(end)));
    }

    static std::string retry_of(const Decision& decision) {
        if (decision.verdict != Verdict::throttled) return "";
        return decision.retry_at ? std::to_string(*decision.retry_at - start) : "never";
    }

    void attempt(const std::string& line, const Words& words) {
        const auto now = start + seconds_in(words[0]);
        const auto place = place_of(words[1]);
        const auto arrow = std::ranges::find(words, "->");
        const auto password = value_among({words.begin(), arrow}, "password", "text:");
        const bool is_known_place = is_known(door_.state, place, now);

        const auto joint = words[2].find('&');
        const bool is_one_field = joint != std::string::npos;
        const auto typed = is_one_field
                               ? words[2].substr(0, joint) + response(words[2].substr(joint + 1), now)
                               : response(words[2], now);
        const auto typed_before = response(password, now);
        const Attempt attempt{.response = typed,
                              .password = typed_before,
                              .place = place,
                              .now = now,
                              .is_one_field = is_one_field};
        if (listener_) listener_(door_, recovery_, attempt);
        const auto decision = door_.attempt(attempt);

        const auto& side = is_known_place ? door_.state.known : door_.state.elsewhere;
        std::map<std::string, std::string> found = {
            {"device", decision.device},
            {"drift", std::to_string(decision.drift)},
            {"failures", std::to_string(decision.failures)},
            {"level", std::to_string(level_now(side, door_.policy, now))},
            {"password", typed.substr(0, decision.password_size)},
            {"retry", retry_of(decision)},
            {"side", is_known_place ? "known" : "elsewhere"},
        };
        std::string verdict;
        for (auto word = std::next(arrow); word != words.end(); ++word) {
            const auto equals = word->find('=');
            if (equals == std::string::npos) {
                verdict += (verdict.empty() ? "" : " ") + *word;
                continue;
            }
            const auto name = word->substr(0, equals);
            auto expected = word->substr(equals + 1);
            if (name == "retry" && expected != "never") expected = std::to_string(seconds_in(expected));
            claim(found.at(name) == expected, line + "   | but " + name + "=" + found.at(name));
        }
        const auto outcome =
            trimmed(std::string(word_for(decision.verdict)) + " " + std::string(word_for(decision.reason)));
        claim(verdict == outcome, line + "   | but " + outcome);
    }

    Listener listener_;
    Door door_{{}};
    std::vector<SecretBytes> recovery_;  ///< the texts of the enrolment's codes, in its order
};

/// A CMocka case; its state is the name of the story's file.
inline void story_comes_true(void** file) {
    Story story;
    for (const auto& line : lines_of(static_cast<const char*>(*file))) story.play(line);
}

}  // namespace totp::testing
