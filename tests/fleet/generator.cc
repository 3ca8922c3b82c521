#include "tests/fleet/generator.h"

#include "core/throttle.h"

namespace totp::testing {
namespace {

constexpr UnixTime minute = 60;
constexpr UnixTime hour = 60 * minute;
constexpr UnixTime day = 24 * hour;
constexpr const char* home = "local:1000";

constexpr std::string_view junk[] = {"",
                                     " ",
                                     "\t \t",
                                     "-",
                                     "\b",
                                     "\b\n\r",
                                     "\b\n\r\177INCORRECT",
                                     "\n\b",
                                     "12345",
                                     "123456789",
                                     "12345a",
                                     "+123456",
                                     "123456\n",
                                     "0123-4567-89AB-CDEF",
                                     "oiil-OIIL-oiil-OIIL",
                                     "UUUU-UUUU-UUUU-UUUU",
                                     "0123-4567-89AB-CDE",
                                     "correct horse battery staple",
                                     "\xc3\x9c"
                                     "bung",
                                     "\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6"};

constexpr std::string_view hosts[] = {"192.0.2.7",
                                      "::ffff:192.0.2.7",
                                      "2001:db8:1:2:3:4:5:6",
                                      "2001:DB8:1:2::9",
                                      "fe80::1%eth0",
                                      "desk.example.org",
                                      "Desk.Example.ORG",
                                      "::1",
                                      "0:0:1:2:3::",
                                      "::ffff:0:1",
                                      "192.0.2.07",
                                      "::ffff:192.0.2.07",
                                      "1::2::3",
                                      "a,b",
                                      "J\xc3\xbcrgens-PC",
                                      "-",
                                      "::192.0.2.7",
                                      "64:ff9b::192.0.2.33",
                                      "1:2:3:4:5:6:7::",
                                      "::",
                                      "1:2:3:4:5:6:192.0.2.1",
                                      "00001::",
                                      "192.0.2.7/24",
                                      "2001:db8::/64"};

constexpr std::string_view host_pieces[] = {"0", "1",  "25",      "255",      "256",  "ffff", "fFfF", "g",
                                            ":", "::", ".",       "-",        "%",    "/",    "=",    " ",
                                            "a", "Z",  "example", "\xc3\xbc", "0000", "db8"};

}  // namespace

Policy Generator::policy() {
    if (once_in(2)) return {};
    Policy policy{.window = below(4),
                  .max_drift = below(25),
                  .hotp_look_ahead = below(13),
                  .free_failures = below(7),
                  .delay = between(1, 100),
                  .max_failures = between(3, 40),
                  .budget = between(3, 60),
                  .budget_drain = between(1, 2'000)};
    policy.resync_window = below(policy.max_drift + 1);
    policy.max_delay = policy.delay * between(1, 100);
    return policy;
}

std::vector<Device> Generator::devices() {
    std::vector<Device> devices;
    const int count = between(1, 3);
    for (int i = 0; i < count; ++i) {
        const auto type = once_in(3) ? CredentialType::hotp : CredentialType::totp;
        const Algorithm algorithms[] = {Algorithm::sha1, Algorithm::sha1, Algorithm::sha256,
                                        Algorithm::sha512};
        const int periods[] = {30, 30, 60, 1, 3'600};
        auto shape = Credential{.type = type,
                                .algorithm = one_of(algorithms),
                                .digits = once_in(2) ? 6 : between(6, 8),
                                .period = one_of(periods),
                                .counter = static_cast<Counter>(below(1'000))};
        if (type == CredentialType::totp) shape.counter = 0;
        devices.push_back(device_of("device-" + std::to_string(i) + std::to_string(below(100)), shape));
    }
    return devices;
}

std::string Generator::remote_host() {
    if (once_in(3)) return std::string(one_of(hosts));
    std::string text;
    if (once_in(2)) text = one_of(hosts);
    const int pieces = between(1, once_in(10) ? 40 : 6);
    for (int i = 0; i < pieces; ++i) text += one_of(host_pieces);
    return text;
}

Life::Life(Generator& generator, const std::vector<KeptCode>& codes)
    : generator_(generator), codes_(codes), door_(generator.devices()) {
    door_.policy = generator.policy();
    for (const auto& kept : codes) {
        if (!generator.once_in(5)) continue;
        door_.enrolment.recovery.push_back(kept.hash);
        if (generator.once_in(4)) door_.enrolment.recovery.back().expires = start + generator.below(day);
        recovery_.emplace_back(kept.code);
    }
    for (auto& device : door_.state.devices) {
        ahead_.push_back(generator.once_in(2) ? 0 : generator.between(-12, 12));
        if (generator.once_in(20)) device.next.reset();
    }
    for (int i = 0; i < 4; ++i) remote_hosts_.push_back(generator.remote_host());
}

/// Mostly soon; also when a side opens, a second before that, after days, or after the clock was set back.
UnixTime Life::later() {
    if (generator_.once_in(3)) return now_;
    if (generator_.once_in(3)) {
        const auto& side = generator_.once_in(2) ? door_.state.known : door_.state.elsewhere;
        const auto until = closed_until(side, door_.policy, now_);
        if (until && *until != no_end) return *until - generator_.below(2);
    }
    if (generator_.once_in(12)) return now_ - generator_.below(static_cast<int>(2 * hour));
    if (generator_.once_in(10)) return now_ + generator_.below(static_cast<int>(100 * day));
    if (generator_.once_in(6)) return now_ + generator_.below(static_cast<int>(2 * hour));
    return now_ + generator_.below(45);
}

std::string Life::device_response() {
    const int which = generator_.below(static_cast<int>(door_.enrolment.devices.size()));
    const auto& credential = door_.enrolment.devices[which].credential;
    if (generator_.once_in(15)) ahead_[which] += generator_.between(-3, 3);
    const int jitter = generator_.once_in(2) ? 0 : generator_.between(-2, 2);
    const auto next = door_.state.devices[which].next.value_or(credential.counter);
    const auto base = credential.type == CredentialType::hotp ? next : time_step(now_, credential.period);
    const auto shown = static_cast<std::int64_t>(base) + ahead_[which] + jitter;
    const auto counter = static_cast<Counter>(std::max<std::int64_t>(shown, 0));
    follows_ = code_at(credential, counter + 1);
    return code_at(credential, counter);
}

std::string Life::spelled(std::string code) {
    if (!generator_.once_in(4)) return code;
    const std::string_view marks[] = {" ", "-", "\t", "  "};
    code.insert(static_cast<std::size_t>(generator_.below(static_cast<int>(code.size()) + 1)),
                generator_.one_of(marks));
    for (char& c : code) {
        if (c >= 'A' && c <= 'Z' && generator_.once_in(3)) c = static_cast<char>(c - 'A' + 'a');
    }
    return code;
}

std::string Life::response() {
    if (!follows_.empty() && generator_.once_in(3)) return std::exchange(follows_, "");
    follows_.clear();
    const int kind = generator_.below(20);
    if (kind < 11) return spelled(device_response());
    if (kind < 13 && !tried_.empty()) return generator_.one_of(tried_);
    if (kind < 15) return spelled(generator_.one_of(codes_).code);
    if (kind < 17) return std::to_string(generator_.between(100'000, 99'999'999));
    return std::string(generator_.one_of(junk));
}

Attempt Life::next_attempt() {
    now_ = later();
    const bool is_at_home = generator_.once_in(6);
    remote_host_ = is_at_home ? home : generator_.one_of(remote_hosts_);
    response_ = response();
    tried_.push_back(response_);
    return {.response = response_,
            .place = is_at_home ? remote_host_ + "@host" : remote_place(remote_host_),
            .now = now_,
            .makes_place_known = !is_at_home,
            .is_at_home = is_at_home};
}

}  // namespace totp::testing
