#include "enroll/bulk/progress_line.h"

#include <algorithm>
#include <cmath>

#include "core/sentence.h"

namespace totp {
namespace {

constexpr std::size_t widest_bar = 40;
constexpr std::size_t narrowest_bar = 10;
constexpr double first_seconds = 1;

std::string two_digits(long number) { return (number < 10 ? "0" : "") + std::to_string(number); }

/// "0:28", "1:05:00".
std::string duration(double seconds) {
    const long whole = std::lround(seconds);
    const auto rest = two_digits(whole % 60);
    const long minutes = whole / 60;
    if (minutes < 60) return std::to_string(minutes) + ":" + rest;
    return std::to_string(minutes / 60) + ":" + two_digits(minutes % 60) + ":" + rest;
}

/// Empty where it isn't known yet.
std::string pace(const Progress& progress) {
    if (progress.seconds < first_seconds || progress.worked == 0) return "";
    const auto rate = static_cast<double>(progress.worked) / progress.seconds;
    const auto left = static_cast<double>(progress.all - progress.done) / rate;
    return tr(" %1/s, %2 left", {std::lround(rate), duration(left)}).translated();
}

std::string bar(const Progress& progress, std::size_t width) {
    const auto full = progress.all == 0 ? 0 : width * progress.done / progress.all;
    return " [" + std::string(full, '#') + std::string(width - full, '-') + "]";
}

}  // namespace

std::string progress_line(const Progress& progress, int columns) {
    constexpr std::size_t brackets = 3;
    const auto room = static_cast<std::size_t>(std::max(columns, 0));
    const auto count = tr("%1 of %2", {progress.done, progress.all}).translated();
    auto words = count + pace(progress);
    if (words.size() > room) return count.substr(0, room);
    if (words.size() + brackets + narrowest_bar > room) return words;
    return count + bar(progress, std::min(widest_bar, room - words.size() - brackets)) + pace(progress);
}

}  // namespace totp
