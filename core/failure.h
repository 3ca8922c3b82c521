// A failure of the world: what could not be read, written or understood, said so that a person can mend it.
// Refuses to know verdicts (a wrong code is not a failure) and bugs (those are other exceptions).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "core/sentence.h"

namespace totp {

/// Which part of the world failed; what it means for a login is decided in pam_module/authenticate.
enum class Trouble {
    settings,  ///< a settings file or a module argument
    key,       ///< the host key
    store,     ///< an account's enrolment or login state
    input,     ///< something a person or a file gave us: a key URI, a secret, a device name
    system,    ///< no randomness, no memory for a hash
    caller,    ///< who asks may not, or hasn't proved who they are
};

/// `message` names the file, line or option and the way out. It never holds a secret or anything typed at a
/// prompt.
struct Failure {
    Trouble trouble;
    Sentence message;
};

/// The library that has to compute something can't, in this process. For whoever is at the wall: nobody on
/// the way there can do anything about it. Says the way out.
struct CannotCompute : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a person or a file gave us, and can't be taken.
Failure input_failure(Sentence message);

/// The same where the system refuses: a sentence as tr() takes it, and as po/update finds it, in which %1 is
/// `what` and %2 what the errno value says.
Failure input_failure(const char* english, const std::string& what, int error);

/// ": No space left on device" for an errno value, in English, to end a line with that only logs have.
std::string because_of(int error_number);

/// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : outcome_(std::move(value)) {}
    Result(Failure failure) : outcome_(std::move(failure)) {}

    explicit operator bool() const { return std::holds_alternative<T>(outcome_); }
    T& operator*() & { return std::get<T>(outcome_); }
    const T& operator*() const& { return std::get<T>(outcome_); }
    T&& operator*() && { return std::get<T>(std::move(outcome_)); }
    T* operator->() { return &std::get<T>(outcome_); }
    const T* operator->() const { return &std::get<T>(outcome_); }

    const Failure& failure() const& { return std::get<Failure>(outcome_); }
    Failure&& failure() && { return std::get<Failure>(std::move(outcome_)); }

  private:
    std::variant<T, Failure> outcome_;
};

/// The value of a Result that has nothing to say but that it worked.
struct Done {};

}  // namespace totp
