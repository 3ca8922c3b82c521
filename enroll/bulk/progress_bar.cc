#include "enroll/bulk/progress_bar.h"

#include <algorithm>

#include <sys/ioctl.h>
#include <unistd.h>

#include "enroll/terminal.h"

namespace totp {
namespace {

using namespace std::chrono_literals;

constexpr int usual_columns = 80;

/// Of the terminal at stderr, the last one left free: a cursor behind it would be on the next row.
int columns() {
    winsize size{};
    const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (is_known ? size.ws_col : usual_columns) - 1;
}

}  // namespace

ProgressBar::ProgressBar(std::size_t all, bool is_wanted)
    : is_wanted_(is_wanted && isatty(STDERR_FILENO) == 1), all_(all) {}

void ProgressBar::draw(std::size_t done, std::size_t worked) {
    const auto now = Clock::now();
    if (!is_wanted_ || (is_drawn_ && now - drawn_at_ < 100ms)) return;
    const std::chrono::duration<double> seconds = now - start_;
    const auto line = progress_line({done, all_, worked, seconds.count()}, columns());
    if (line.size() < width_) erase();
    say("\r" + line);
    width_ = line.size();
    is_drawn_ = true;
    drawn_at_ = now;
}

void ProgressBar::erase() {
    if (!is_drawn_) return;
    say("\r" + std::string(std::min(width_, static_cast<std::size_t>(columns())), ' ') + "\r");
    is_drawn_ = false;
    width_ = 0;
}

}  // namespace totp
