// Until when something must be done: by the clock that nobody sets.
#pragma once

#include <algorithm>
#include <chrono>

namespace totp {

class Deadline {
  public:
    using Clock = std::chrono::steady_clock;
    using Time = std::chrono::milliseconds;

    explicit Deadline(Time from_now) : end_(Clock::now() + from_now) {}

    /// Never negative.
    Time left() const { return std::max(Time(0), std::chrono::duration_cast<Time>(end_ - Clock::now())); }
    bool is_over() const { return left() == Time(0); }

    /// The earlier one that leaves as much to each of so many that share what is left.
    Deadline shared_by(std::size_t count) const { return Deadline(left() / static_cast<int>(count)); }

  private:
    Clock::time_point end_;
};

}  // namespace totp
