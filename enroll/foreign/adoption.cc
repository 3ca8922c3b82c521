#include "enroll/foreign/adoption.h"

#include <algorithm>
#include <cstdlib>

#include "enroll/device_name.h"

namespace totp {
namespace {

constexpr Counter furthest_step = 200;      // ahead: no window reaches further, with a clock at its limit
constexpr UnixTime furthest_time = 86'400;  // ahead: what a wrong time zone can make of a time

/// Else a file that its user can write would shut them out for years.
std::optional<Failure> refuse_future(const ForeignDevice& foreign, UnixTime now) {
    const auto& credential = foreign.credential;
    if (credential.type == CredentialType::totp &&
        foreign.next > time_step(now, credential.period) + furthest_step) {
        return input_failure(
            tr("has a device of which codes are spent that come long from now: set this machine's clock"));
    }
    if (foreign.last_used > now + furthest_time) {
        return input_failure(
            tr("has a device that was used long from now: set this machine's clock, or mend the time of its "
               "last code"));
    }
    return std::nullopt;
}

std::optional<Failure> refuse_clock(const ForeignDevice& foreign, const Policy& policy) {
    if (std::abs(foreign.drift) <= policy.max_drift) return std::nullopt;
    return input_failure(
        foreign.drift > 0
            ? tr("has a device whose clock is %1 steps ahead, more than max_drift (%2) allows: set the clock "
                 "that is wrong, or max_drift",
                 {foreign.drift, policy.max_drift})
            : tr("has a device whose clock is %1 steps behind, more than max_drift (%2) allows: set the "
                 "clock that is wrong, or max_drift",
                 {-foreign.drift, policy.max_drift}));
}

const Device* with_secret_of(const Enrolment& enrolment, const ForeignDevice& foreign) {
    const auto device = std::ranges::find_if(enrolment.devices, [&](const Device& each) {
        return each.credential.secret == foreign.credential.secret;
    });
    return device == enrolment.devices.end() ? nullptr : &*device;
}

/// What is spent there is spent here too, and the other way round. A device whose past is lost here stays so.
void spend(LoginState& state, const ForeignDevice& foreign) {
    auto arrived = state_of(foreign);
    auto* known = state.device(arrived.id);
    if (known == nullptr) {
        state.devices.push_back(std::move(arrived));
    } else if (known->next) {
        known->next = std::max(*known->next, foreign.next);
    }
}

/// All that Adoption has, on its way.
class Adopter {
  public:
    Adopter(Enrolment enrolment, LoginState state, const std::optional<std::string>& name)
        : adoption_{.enrolment = std::move(enrolment), .state = std::move(state), .devices = {}},
          name_(name) {}

    std::optional<Failure> take(const ForeignDevice& foreign);
    Adoption finish() &&;

  private:
    std::optional<Failure> meet(const Device& device, const ForeignDevice& foreign);
    std::optional<Failure> add(const ForeignDevice& foreign);

    Adoption adoption_;
    const std::optional<std::string>& name_;
};

std::optional<Failure> Adopter::meet(const Device& device, const ForeignDevice& foreign) {
    if (device.id != device_id(foreign.credential)) {
        return input_failure(
            tr("has a device %1 with this secret, but as %2, not as %3",
               {device.name, parameters_of(device.credential), parameters_of(foreign.credential)}));
    }
    adoption_.devices.push_back({.name = device.name, .is_new = false});
    spend(adoption_.state, foreign);
    return std::nullopt;
}

std::optional<Failure> Adopter::add(const ForeignDevice& foreign) {
    auto& enrolment = adoption_.enrolment;
    if (enrolment.devices.size() >= maximum_devices)
        return input_failure(tr("has 8 devices already: remove one with totp-enroll remove --device NAME"));
    const auto name = name_.value_or(free_device_name(enrolment));
    if (enrolment.device_named(name) != nullptr)
        return input_failure(tr("has a device %1 already: choose another name with --device", {name}));
    if (enrolment.recovery.size() + foreign.recovery_digits.size() > maximum_recovery_codes) {
        return input_failure(
            tr("would have more than 32 recovery codes: make them fewer with totp-enroll recovery "
               "--recovery-codes N"));
    }
    const auto kept = keep_recovery_digits(foreign.recovery_digits, enrolment.recovery);
    if (!kept) return kept.failure();
    enrolment.recovery.insert(enrolment.recovery.end(), kept->begin(), kept->end());
    enrolment.devices.emplace_back(name, foreign.credential);
    adoption_.devices.push_back({.name = name, .recovery_codes = kept->size()});
    spend(adoption_.state, foreign);
    return std::nullopt;
}

std::optional<Failure> Adopter::take(const ForeignDevice& foreign) {
    const auto* device = with_secret_of(adoption_.enrolment, foreign);
    return device != nullptr ? meet(*device, foreign) : add(foreign);
}

Adoption Adopter::finish() && {
    if (adoption_.adds_devices())
        adoption_.state = without_strangers(std::move(adoption_.state), adoption_.enrolment);
    return std::move(adoption_);
}

}  // namespace

bool Adoption::adds_devices() const { return std::ranges::count(devices, true, &Adopted::is_new) > 0; }

Result<Adoption> adopt(Enrolment enrolment, LoginState state, const std::vector<ForeignDevice>& devices,
                       const std::optional<std::string>& name, const Policy& policy, UnixTime now) {
    if (name && devices.size() > 1)
        return input_failure(tr("would get %1 devices: --device names one", {devices.size()}));
    state = with_lost_devices_restarted(std::move(state), enrolment, now);
    Adopter adopter(std::move(enrolment), std::move(state), name);
    for (const auto& foreign : devices) {
        if (auto failure = refuse_clock(foreign, policy)) return *std::move(failure);
        if (auto failure = refuse_future(foreign, now)) return *std::move(failure);
        if (auto failure = adopter.take(foreign)) return *std::move(failure);
    }
    return std::move(adopter).finish();
}

}  // namespace totp
