#include "enroll/device_options.h"

#include <cerrno>

#include <fcntl.h>

#include "core/base32.h"
#include "core/percent.h"
#include "core/random.h"
#include "enroll/device_name.h"
#include "enroll/session.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr std::size_t longest_secret_file = 1024;

/// A secret in base 32, from a file or ("-") from stdin.
Result<SecretBytes> secret_from(const std::string& source) {
    const auto where = source == "-" ? "stdin" : printable_path(source);
    SecretBytes text;
    if (source == "-") {
        auto line = ask_line(tr("Secret in base 32: "), Typing::hidden);
        if (line) text = *std::move(line);
    } else {
        const Descriptor file(open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!file || read_whole(file, longest_secret_file, text) != 0) {
            return input_failure(
                tr("--secret-from %1 can't be read: %2", {where, Sentence::of_error(errno)}));
        }
    }
    auto line = text.text();
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    auto secret = base32_decode(line);
    if (!secret)
        return input_failure(tr("the secret from %1 isn't base 32: letters A-Z and digits 2-7", {where}));
    if (secret->size() < minimum_new_secret || secret->size() > 128) {
        return input_failure(
            tr("the secret from %1 has %2 bits; it must have 128 to 1024", {where, secret->size() * 8}));
    }
    return *std::move(secret);
}

}  // namespace

void DeviceOptions::declare(Options& options) {
    options.value("--device", name_, "NAME", "What to call the device [phone, phone-2, …]");
    options.value("--algorithm", algorithm_, "HASH", "SHA1, SHA256 or SHA512; many apps know SHA1 only")
        .shows_default();
    options.value("--digits", digits_, "N", "How many digits a code has: 6, 7 or 8")
        .is_between(6, 8)
        .shows_default();
    options.value("--period", period_, "SECONDS", "How many seconds a code lasts: 1 to 3600 [30]")
        .is_between(1, 3600);
    options.flag("--hotp", is_hotp_, "A token that counts its codes instead of knowing the time");
    options.value("--issuer", issuer_, "TEXT", "Who the app says the account is with [this host's name]");
    options.value("--label", label_, "TEXT", "What the app calls the account [the user's name]");
    options.value("--secret-from", secret_from_, "FILE",
                  "Take the secret, in base 32, from a file (root) or (-) stdin");
}

std::optional<Failure> DeviceOptions::refuse_texts() const {
    for (const auto& [option, text] :
         {std::pair("--issuer", issuer_), std::pair("--label", label_.value_or(""))}) {
        if (const auto wrong = wrong_text(text); !wrong.empty())
            return input_failure(tr("%1 has %2 in it", {option, wrong}));
    }
    if (label_ && label_->empty())
        return input_failure(tr("--label is empty: the app would show a nameless account"));
    return std::nullopt;
}

std::optional<Failure> DeviceOptions::refuse() const {
    if (!algorithm_named(algorithm_)) {
        return input_failure(tr("--algorithm %1 isn't SHA1, SHA256 or SHA512", {printable(algorithm_)}));
    }
    if (is_hotp_ && period_) return input_failure(tr("--period is for time-based devices, not for --hotp"));
    if (auto failure = refuse_device_name(name_)) return failure;
    if (!is_root() && !secret_from_.empty() && secret_from_ != "-") {
        return Failure{Trouble::caller,
                       tr("--secret-from FILE is for root: give the secret on stdin, with --secret-from -")};
    }
    return refuse_texts();
}

Result<Device> DeviceOptions::make(const std::optional<Enrolment>& enrolment) const {
    const auto name = name_.value_or(free_device_name(enrolment.value_or(Enrolment{})));
    if (enrolment && enrolment->device_named(name) != nullptr) {
        return input_failure(tr("there is a device %1 already: choose another name with --device", {name}));
    }
    if (enrolment && enrolment->devices.size() >= maximum_devices) {
        return input_failure(
            tr("there are 8 devices already: remove one with totp-enroll remove --device NAME"));
    }
    Credential credential{.type = is_hotp_ ? CredentialType::hotp : CredentialType::totp,
                          .algorithm = *algorithm_named(algorithm_),
                          .digits = digits_};
    if (period_) credential.period = *period_;
    auto secret = secret_from_.empty() ? random_bytes(recommended_secret_size(credential.algorithm))
                                       : secret_from(secret_from_);
    if (!secret) return secret.failure();
    credential.secret = *std::move(secret);
    return Device(name, std::move(credential));
}

KeyUri DeviceOptions::key_uri(const Device& device, const Account& account) const {
    return {device.credential, issuer_, label_.value_or(account.name)};
}

}  // namespace totp
