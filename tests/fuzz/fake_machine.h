// A machine for the module alone: its clock, who runs it, its randomness, the helper that it asks, and a
// store in which alice is enrolled.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/file_store.h"

namespace machine {

inline constexpr totp::UnixTime begin = 1'111'111'110;
inline constexpr const char* phone = "phone";  // time-based
inline constexpr const char* token = "token";  // counts, 8 digits

/// Everything as at the beginning; from here on until leave() what libc says is ours.
void enter();
void leave();

totp::UnixTime now();
/// Backwards too, but never before 1970 or after what a state can hold.
void pass_time(totp::UnixTime seconds);

/// From here on the process isn't root, and a helper answers so, once. Without answers it can't be run.
void leave_root();
void add_helper_answer(std::string line);
bool is_root();
/// The accounts aren't the process's own.
void be_another_user();
/// Whether an answer since forget_helper() was this.
bool has_helper_said(std::string_view beginning);
void forget_helper();

/// alice's login state is lost; the store can't be found, or can be again.
void lose_state();
void move_store();
bool is_store_moved();

const std::string& directory();
uid_t owner();

/// What is on disk for the account; nothing where that can't be read.
struct Records {
    totp::Enrolment enrolment;
    totp::LoginState state;
};
std::optional<Records> records_of(const std::string& user);
std::optional<Records> records_of_alice();

/// alice's device of that name.
std::optional<totp::Device> alices(std::string_view device);

/// The key that the account is shown and hasn't confirmed.
std::optional<totp::Device> pending_of(const std::string& user);

/// alice's recovery code.
const std::string& recovery_code();

/// What a device shows.
std::string code_of(const totp::Credential& credential, totp::Counter counter);

}  // namespace machine
