// Threads that go through tasks 0, 1, 2… and hand in what came of each.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/failure.h"
#include "enroll/bulk/enrolling.h"

namespace totp {

class Crew {
  public:
    using Work = std::function<Result<Ending>(std::size_t task)>;

    struct HandedIn {
        std::size_t task;
        Result<Ending> outcome;
    };

    /// `work` is called by `members` threads at once, for each of `tasks` once. They begin at once, with the
    /// signal mask of who makes them.
    Crew(std::size_t tasks, std::size_t members, Work work);
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Nobody begins another task; what is under way is finished.
    void stop() { is_stopped_ = true; }

    /// What was handed in since the last call; waits for something at most so long. Throws what `work` threw,
    /// after which the crew is stopped.
    std::vector<HandedIn> wait(std::chrono::milliseconds at_most);

    /// Whether all have left and everything they did was fetched.
    bool is_over() const;

  private:
    void work_through();
    void hand_in(HandedIn result);

    std::size_t tasks_;
    Work work_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<bool> is_stopped_ = false;

    mutable std::mutex mutex_;
    std::condition_variable news_;
    std::vector<HandedIn> results_;  // this and the rest are the mutex's
    std::exception_ptr thrown_;
    std::size_t present_;

    std::vector<std::jthread> members_;
};

}  // namespace totp
