// What is wrong with the lines of a service as they are written, whatever comes of them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "enroll/doctor/examination.h"
#include "enroll/doctor/stack_players.h"

namespace totp {

/// Adds what it finds to the examination.
class LineExaminer {
  public:
    LineExaminer(const Surroundings& surroundings, const ServiceStacks& stacks, Examination& result)
        : surroundings_(surroundings), stacks_(stacks), result_(result) {}

    /// Whether libpam takes the service, and this process may read all of it.
    bool can_judge();

    void note_lines_that_end_sooner();
    void note_lines_without_effect();
    void note_lines_that_fail(Phase phase);
    /// Of modules other than ours those that refuse by it. A fault where nobody gets in past them
    /// (`is_open`).
    void note_missing_modules(bool is_open);

    std::vector<OurLine> lines_of_ours(Phase phase);

    bool is_missing(const StackLine& line) const;

    /// `otherwise`, unless the file is one to which carriage returns were added.
    Sentence mend(const FileLine& place, Sentence otherwise) const;

  private:
    bool ends_as_on_windows(const FileLine& place) const;
    bool is_told(const FileLine& place) const;
    OurLine our_line(const StackLine& line, std::size_t index);
    std::optional<std::string> closed_settings(const StackLine& line) const;

    const Surroundings& surroundings_;
    const ServiceStacks& stacks_;
    Examination& result_;
};

}  // namespace totp
