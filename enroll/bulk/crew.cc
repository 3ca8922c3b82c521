#include "enroll/bulk/crew.h"

#include <utility>

namespace totp {

Crew::Crew(std::size_t lines, std::size_t members, Draw draw, Work work)
    : lines_(lines), draw_(std::move(draw)), work_(std::move(work)), present_(members) {
    for (std::size_t i = 0; i < members; ++i) members_.emplace_back([this] { work_through(); });
}

Crew::~Crew() { stop(); }  // the threads are waited for as they go

void Crew::hand_in(HandedIn result) {
    const std::scoped_lock lock(mutex_);
    results_.push_back(std::move(result));
    news_.notify_one();
}

std::optional<Crew::Drawn> Crew::draw_next() {
    const std::scoped_lock lock(drawing_);
    if (next_ == lines_) return std::nullopt;
    const auto line = next_++;
    return Drawn{line, draw_(line)};
}

Crew::HandedIn Crew::enrol(const Drawn& drawn) const {
    if (!drawn.enrollee) return {drawn.line, {}, drawn.enrollee.failure()};
    return {drawn.line, *drawn.enrollee, work_(*drawn.enrollee)};
}

void Crew::work_through() {
    std::exception_ptr thrown;
    try {
        while (!is_stopped_) {
            const auto drawn = draw_next();
            if (!drawn) break;
            hand_in(enrol(*drawn));
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
