#include "core/failure.h"

namespace totp {

Failure input_failure(Sentence message) { return {Trouble::input, std::move(message)}; }

Failure input_failure(const char* english, const std::string& what, int error) {
    return input_failure(tr(english, {what, Sentence::of_error(error)}));
}

std::string because_of(int error_number) { return ": " + Sentence::of_error(error_number).english(); }

}  // namespace totp
