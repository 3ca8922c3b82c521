#include "enroll/doctor/line_examiner.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <security/pam_appl.h>
#include <unistd.h>

#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/doctor/known_modules.h"

namespace totp {
namespace {

bool is_closed_to_us(const std::string& file) { return access(file.c_str(), R_OK) != 0 && errno == EACCES; }

/// Of the files that settings may stand in, and the directory of the drop-ins.
std::optional<std::string> closed_settings_in(const std::string& directory) {
    const auto file = directory + "/pam_totp.conf";
    for (const auto& path : {file, file + ".d"}) {
        if (is_closed_to_us(path)) return path;
    }
    std::error_code ignored;
    for (const auto& drop_in : std::filesystem::directory_iterator(file + ".d", ignored)) {
        if (drop_in.path().extension() == ".conf" && is_closed_to_us(drop_in.path())) return drop_in.path();
    }
    return std::nullopt;
}

}  // namespace

bool LineExaminer::is_missing(const StackLine& line) const {
    return !find_module(surroundings_.pam, line.module);
}

bool LineExaminer::can_judge() {
    for (const auto& file : stacks_.unreadable) {
        result_.add(Severity::warning, "unreadable",
                    tr("what it says can't be read by you: run this as root"), {file, 0});
    }
    if (!stacks_.unreadable.empty()) return false;
    if (!stacks_.broken) return true;
    result_.add(Severity::fault, "broken", tr("nobody gets in: %1", {stacks_.broken->complaint}),
                stacks_.broken->place, mend(stacks_.broken->place, tr("mend that line")));
    return false;
}

bool LineExaminer::ends_as_on_windows(const FileLine& place) const {
    return std::ranges::count(stacks_.with_returns, place.file) > 0;
}

Sentence LineExaminer::mend(const FileLine& place, Sentence otherwise) const {
    if (!ends_as_on_windows(place)) return otherwise;
    return tr("the lines of that file end as on Windows: %1",
              {command_line(R"(sed -i 's/\r$//')", {place.file})});
}

/// What a carriage return spoils is told at its first line alone.
bool LineExaminer::is_told(const FileLine& place) const {
    const auto mending = mend(place, {}).english();
    return LineExaminer::ends_as_on_windows(place) &&
           std::ranges::any_of(result_.findings, [&](const CheckFinding& finding) {
               return finding.change.english() == mending;
           });
}

void LineExaminer::note_lines_that_end_sooner() {
    for (const auto& place : stacks_.ending_sooner) {
        result_.add(
            Severity::fault, "ends_sooner",
            tr("the line goes on after an empty line or a comment, but since 1.6 libpam ends it there"),
            place, tr("put what continues it right behind it"));
    }
}

void LineExaminer::note_lines_without_effect() {
    for (const auto phase : {Phase::password, Phase::session}) {
        for (const auto& line : stacks_[phase]) {
            if (!is_ours(line)) continue;
            result_.add(Severity::remark, "no_effect",
                        tr("our module does nothing in the %1 phase", {name_of(phase)}), line.place,
                        tr("take the line away"));
        }
    }
}

void LineExaminer::note_lines_that_fail(Phase phase) {
    for (const auto& line : stacks_[phase]) {
        if (line.kind != StackLine::Kind::must_fail || is_told(line.place)) continue;
        result_.add(Severity::fault, "unreadable_line",
                    tr("%1, so libpam answers for it: a refusal", {line.complaint}), line.place,
                    LineExaminer::mend(line.place, tr("correct the line, or take it away")));
    }
}

void LineExaminer::note_missing_modules(bool is_open) {
    for (const auto& line : stacks_[Phase::auth]) {
        if (line.kind != StackLine::Kind::module || is_ours(line) || !is_missing(line)) continue;
        const auto verb = line.control[PAM_MODULE_UNKNOWN].verb;
        if ((verb != Verb::bad && verb != Verb::die) || is_told(line.place)) continue;
        result_.add(
            is_open ? Severity::warning : Severity::fault, "module_missing",
            is_open
                ? tr("%1 isn't where libpam looks for it, so whoever comes to that line is refused",
                     {printable(line.module)})
                : tr("%1 isn't where libpam looks for it, so it lets nobody in", {printable(line.module)}),
            line.place, mend(line.place, tr("install it, or correct its name")));
    }
}

std::vector<OurLine> LineExaminer::lines_of_ours(Phase phase) {
    std::vector<OurLine> ours;
    const auto& stack = stacks_[phase];
    for (std::size_t i = 0; i < stack.size(); ++i) {
        if (is_ours(stack[i])) ours.push_back(our_line(stack[i], i));
    }
    return ours;
}

OurLine LineExaminer::our_line(const StackLine& line, std::size_t index) {
    std::vector<const char*> arguments;
    for (const auto& argument : line.arguments) arguments.push_back(argument.c_str());
    OurLine ours{index, {}, true};
    if (is_missing(line)) {
        ours.is_usable = false;
        result_.add(Severity::fault, "module_missing",
                    tr("%1 isn't where libpam looks for it, so it lets nobody in", {printable(line.module)}),
                    line.place, mend(line.place, tr("install it, or correct its name")));
    }
    auto settings = settings_for_line(surroundings_.settings, arguments);
    if (settings) {
        ours.settings = *std::move(settings);
    } else if (const auto closed = closed_settings(line)) {
        result_.add(Severity::warning, "unreadable",
                    tr("what it says can't be read by you: run this as root"), {*closed, 0});
    } else {
        ours.is_usable = false;
        result_.add(Severity::fault, "settings",
                    tr("our module lets nobody in: %1", {settings.failure().message}), line.place,
                    LineExaminer::mend(line.place, tr("correct it")));
    }
    return ours;
}

/// The settings file that this process may not read, if there is one.
std::optional<std::string> LineExaminer::closed_settings(const StackLine& line) const {
    constexpr std::string_view config = "config=";
    for (const auto& argument : line.arguments) {
        const auto file = argument.substr(std::min(config.size(), argument.size()));
        if (argument.starts_with(config) && is_closed_to_us(file)) return file;
    }
    for (const auto& directory : {surroundings_.settings.administrator, surroundings_.settings.vendor}) {
        if (auto closed = closed_settings_in(directory)) return closed;
    }
    return std::nullopt;
}

}  // namespace totp
