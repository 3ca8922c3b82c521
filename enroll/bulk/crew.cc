#include "enroll/bulk/crew.h"

#include <utility>

namespace totp {

Crew::Crew(std::size_t tasks, std::size_t members, Work work)
    : tasks_(tasks), work_(std::move(work)), present_(members) {
    for (std::size_t i = 0; i < members; ++i) members_.emplace_back([this] { work_through(); });
}

Crew::~Crew() { stop(); }  // the threads are waited for as they go

void Crew::hand_in(HandedIn result) {
    const std::scoped_lock lock(mutex_);
    results_.push_back(std::move(result));
    news_.notify_one();
}

void Crew::work_through() {
    std::exception_ptr thrown;
    try {
        while (!is_stopped_) {
            const auto task = next_++;
            if (task >= tasks_) break;
            hand_in({task, work_(task)});
        }
    } catch (...) {  // no memory, or a bug: for who waits
        thrown = std::current_exception();
        stop();
    }
    const std::scoped_lock lock(mutex_);
    if (thrown) thrown_ = thrown;
    --present_;
    news_.notify_one();
}

std::vector<Crew::HandedIn> Crew::wait(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, at_most, [this] { return !results_.empty() || thrown_ || present_ == 0; });
    if (thrown_) std::rethrow_exception(thrown_);
    return std::exchange(results_, {});
}

bool Crew::is_over() const {
    const std::scoped_lock lock(mutex_);
    return present_ == 0 && results_.empty();
}

}  // namespace totp
