// accounts STORE KEY FROM TO: enrols account FROM and so on up to, not with, account TO, as totp-enroll would
// have, but for what makes it durable: a store to measure with. Each has a device and ten recovery codes, the
// same for all; its records are its own, and no uid is that of an account that exists.
#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "core/login_state.h"
#include "core/recovery.h"
#include "core/seal.h"

namespace {

template <class T>
T unwrapped(totp::Result<T> result) {
    if (!result) throw std::runtime_error(result.failure().message.english());
    return *std::move(result);
}

totp::Enrolment usual_enrolment() {
    const totp::SecretBytes secret(std::string_view("12345678901234567890"));
    return {{totp::Device("phone", {.secret = secret})},
            unwrapped(totp::new_recovery_codes(totp::usual_recovery_codes)).hashes};
}

/// As a login leaves it: both slots written.
std::string state_file(const totp::Enrolment& enrolment) {
    auto state = totp::new_login_state(enrolment);
    std::string content;
    for (state.sequence = 0; state.sequence < 2; ++state.sequence) {
        const auto slot = totp::format_slot(state);
        content.append(slot.data(), slot.size());
    }
    return content;
}

constexpr uid_t first_uid = 1'000'000'000;

void write(const std::string& path, std::string_view content, uid_t owner) {
    const totp::Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || fchown(file.number(), owner, static_cast<gid_t>(-1)) != 0 ||
        totp::write_whole(file, content, 0) != 0)
        throw std::runtime_error(path + " can't be written");
}

void enrol(const std::string& store, const std::string& key_file, int from, int to) {
    const auto key = unwrapped(totp::HostKey::read(key_file, 0));
    const auto enrolment = usual_enrolment();
    const auto text = totp::format_enrolment(enrolment);
    const auto state = state_file(enrolment);
    for (int number = from; number < to; ++number) {
        const auto name = "account" + std::to_string(number);
        const auto owner = first_uid + static_cast<uid_t>(number);
        write(store + "/state/" + name, state, owner);
        write(store + "/enrolled/" + name, unwrapped(key.seal(name, text)), owner);
    }
}

}  // namespace

int main(int count, char* arguments[]) {
    try {
        if (count != 5) throw std::runtime_error("see the head of accounts.cc");
        enrol(arguments[1], arguments[2], std::stoi(arguments[3]), std::stoi(arguments[4]));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
    return 0;
}
