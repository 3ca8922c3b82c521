// How far a long run is, in one line.
#pragma once

#include <cstddef>
#include <string>

namespace totp {

struct Progress {
    std::size_t done = 0;  ///< of `all`, whatever came of them
    std::size_t all = 0;
    std::size_t worked = 0;  ///< of those done, the ones that took their time
    double seconds = 0;      ///< since the beginning
};

/// "4213 of 10000 [########------------] 203/s, 0:28 left": the rate is of what took its time, and neither it
/// nor the time left is guessed before the first second is over. Never wider than `columns`: what has no room
/// is left out, first the bar.
std::string progress_line(const Progress& progress, int columns);

}  // namespace totp
