// Threads that enrol whom the lines of a list name, and hand in what came of each line.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/failure.h"
#include "enroll/bulk/enrolling.h"

namespace totp {

class Crew {
  public:
    /// Whom line 0, 1, 2… names.
    using Draw = std::function<Result<Enrollee>(std::size_t line)>;
    using Work = std::function<Result<Ending>(const Enrollee& enrollee)>;

    struct HandedIn {
        std::size_t line;
        std::optional<Enrollee> enrollee;  ///< nothing where the line names nobody who can be enrolled
        Result<Ending> outcome;
    };

    /// `draw` is called for each of `lines` in turn, by one member at a time, so that it may ask NSS; and
    /// `work` by all `members` at once. They begin at once, with the signal mask of who makes them.
    Crew(std::size_t lines, std::size_t members, Draw draw, Work work);
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Nobody begins another line; what is under way is finished.
    void stop() { is_stopped_ = true; }

    /// What was handed in since the last call; waits for something at most so long. Throws what `draw` or
    /// `work` threw, after which the crew is stopped.
    std::vector<HandedIn> wait(std::chrono::milliseconds at_most);

    /// Whether all have left and everything they did was fetched.
    bool is_over() const;

  private:
    struct Drawn {
        std::size_t line;
        Result<Enrollee> enrollee;
    };
    /// Nothing after the last line.
    std::optional<Drawn> draw_next();
    HandedIn enrol(const Drawn& drawn) const;
    void work_through();
    void hand_in(HandedIn result);

    std::size_t lines_;
    Draw draw_;
    Work work_;
    std::atomic<bool> is_stopped_ = false;

    std::mutex drawing_;
    std::size_t next_ = 0;  // the mutex's above

    mutable std::mutex mutex_;
    std::condition_variable news_;
    std::vector<HandedIn> results_;  // this and the rest are the mutex's
    std::exception_ptr thrown_;
    std::size_t present_;

    std::vector<std::jthread> members_;
};

}  // namespace totp
