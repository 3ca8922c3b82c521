// Another program asked one question, or one after the other: what it is given on stdin, what it answers on
// stdout, and no more.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/secret_bytes.h"

namespace totp {

struct Program {
    const char* path;                      ///< from /; no shell, no search
    std::vector<std::string> arguments{};  ///< as they are: nothing is expanded
    bool is_complaint_part_of_it = false;  ///< what it prints on stderr belongs to its answer
    int seconds_to_answer = 5;
};

/// Runs the program with an empty environment, in "/", with its signals at their defaults and no descriptor
/// of ours, gives it `input` (at most 4,096 bytes) and returns what it printed, at most `limit` bytes. What
/// it complains of on stderr is lost, or stands where it was said.
///
/// Fails where it can't be started, prints more, or isn't done in time: it is killed then, or,
/// where this process may not kill it (it is setuid), waited for until it ends by itself. What it
/// exits with isn't looked at: a caller that ignores SIGCHLD never learns it. Changes no signal of this
/// process.
Result<SecretBytes> answer_of(const Program& program, std::string_view input, std::size_t limit);

/// A program that answers one question after the other, begun as answer_of() begins it. Its input ends with
/// this; it has a tenth of a second then to end by itself.
class StandingProgram {
  public:
    static Result<StandingProgram> start(const Program& program);
    StandingProgram(StandingProgram&&) noexcept;
    StandingProgram& operator=(StandingProgram&&) noexcept;
    ~StandingProgram();

    /// What it prints after `question`, of any length, up to and with `end`: at most `limit` bytes. Each has
    /// the whole time to be answered. Once that failed it is of no use any more.
    Result<SecretBytes> answer_to(std::string_view question, std::string_view end, std::size_t limit) const;

  private:
    struct Running;
    explicit StandingProgram(std::unique_ptr<Running> running);
    std::unique_ptr<Running> running_;
};

}  // namespace totp
