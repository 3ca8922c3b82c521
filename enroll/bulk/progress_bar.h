// The progress line at the foot of a terminal at stderr, while something is going on.
#pragma once

#include <chrono>

#include "enroll/bulk/progress_line.h"

namespace totp {

/// Draws nothing unless it is wanted and stderr is a terminal. Gone without a trace when this goes.
class ProgressBar {
  public:
    ProgressBar(std::size_t all, bool is_wanted);
    ~ProgressBar() { erase(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    /// Ten times a second at most.
    void draw(std::size_t done, std::size_t worked);

    /// Makes room for something that is to stay; the next draw() brings it back.
    void erase();

  private:
    using Clock = std::chrono::steady_clock;

    bool is_drawn_ = false;
    bool is_wanted_;
    std::size_t all_;
    std::size_t width_ = 0;
    Clock::time_point start_ = Clock::now();
    Clock::time_point drawn_at_;
};

}  // namespace totp
