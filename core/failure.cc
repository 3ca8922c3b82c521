#include "core/failure.h"

namespace totp {

Failure input_failure(Sentence message) { return {Trouble::input, std::move(message)}; }

std::string because_of(int error_number) { return ": " + Sentence::of_error(error_number).english(); }

}  // namespace totp
