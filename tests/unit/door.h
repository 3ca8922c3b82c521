// An enrolled user and what is stored of their logins, so that attempts can follow one another as in life.
#pragma once

#include "core/known_places.h"
#include "core/verifier.h"
#include "tests/unit/devices.h"
#include "tests/unit/testing.h"

namespace totp::testing {

/// A moment at which a step of every usual period begins: 2027-01-15, 08:00 UTC.
inline constexpr UnixTime start = 1'800'000'000;

class Door {
  public:
    explicit Door(std::vector<Device> devices) {
        enrolment.devices = std::move(devices);
        state = new_login_state(enrolment);
    }

    /// Decides, and stores what must be stored.
    Decision attempt(std::string_view response, UnixTime now, const Place& place = "desk",
                     std::string_view password = "") {
        return attempt({.response = response, .password = password, .place = place, .now = now});
    }
    Decision attempt(const Attempt& attempt) {
        auto decision = verify(enrolment, state, policy, attempt);
        claim_that_it_is_consistent(decision);
        state = stored(decision.next);
        return decision;
    }

    /// What the device shows `steps` steps after `now`.
    std::string code(std::string_view device, UnixTime now, int steps = 0) const {
        return code_around(enrolment.device_named(device)->credential, now, steps);
    }

    /// Six digits that no device shows at any counter that could matter.
    std::string wrong_code(UnixTime now) const {
        for (std::uint32_t value = 0;; ++value) {
            auto text = std::to_string(value);
            text.insert(0, 6 - text.size(), '0');
            if (std::ranges::none_of(enrolment.devices,
                                     [&](const auto& device) { return shows(device, text, now); })) {
                return text;
            }
        }
    }

    const SideState& side_of(const Place& place, UnixTime now) const {
        return is_known(state, place, now) ? state.known : state.elsewhere;
    }

    Enrolment enrolment;
    Policy policy;
    LoginState state;

  private:
    /// What holds of every decision, whatever it is about.
    void claim_that_it_is_consistent(const Decision& decision) const {
        const bool is_counted = decision.verdict == Verdict::refused && decision.failures > 0 &&
                                decision.reason != Reason::dummy && decision.reason != Reason::password;
        claim(decision.must_be_committed || decision.next == state, "what needn't be stored changes nothing");
        const bool is_wait_from_now = decision.verdict == Verdict::throttled && counts_nothing(decision.next);
        claim(!decision.must_be_committed || decision.verdict == Verdict::accepted || is_counted ||
                  is_wait_from_now,
              "only what is accepted or counted, or when a wait begins, is stored");
        claim(decision.password_size == 0 || decision.verdict == Verdict::accepted,
              "what the password is, is known of what is accepted alone");
        claim((decision.reason == Reason::none) == (decision.verdict != Verdict::refused),
              "every refusal, and nothing else, has a reason");
        claim(!decision.retry_at || decision.verdict == Verdict::throttled, "only who is throttled waits");
    }

    /// Whether `next` differs from the state in nothing but when the last failures were.
    bool counts_nothing(LoginState next) const {
        next.known.last_failure = state.known.last_failure;
        next.elsewhere.last_failure = state.elsewhere.last_failure;
        return next == state;
    }

    /// As it comes back from the disk.
    static LoginState stored(const LoginState& next) {
        const auto slot = format_slot(next);
        const auto read = parse_slot({slot.data(), slot.size()});
        claim(read == next, "a state survives being stored");
        return next;
    }

    bool shows(const Device& device, const std::string& text, UnixTime now) const {
        const auto& credential = device.credential;
        const KeyedHash hash(credential.secret.octets(), credential.algorithm);
        const auto centre = credential.type == CredentialType::totp
                                ? time_step(now, credential.period)
                                : state.device(device.id)->next.value_or(0);
        for (auto counter = centre > 50 ? centre - 50 : 0; counter < centre + 50; ++counter) {
            if (hash.code(counter, 6) == std::stoul(text)) return true;
        }
        return false;
    }
};

}  // namespace totp::testing
