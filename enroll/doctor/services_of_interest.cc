#include "enroll/doctor/services_of_interest.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/stack_examiner.h"
#include "enroll/doctor/usual_doors.h"

namespace totp {
namespace {

namespace fs = std::filesystem;

using Names = std::set<std::string>;

/// What package managers leave beside a file. libpam would take it for a service if an application asked.
bool is_left_over(const std::string& name) {
    if (name.starts_with('.') || name.ends_with('~')) return true;
    for (const auto* mark : {".dpkg-", ".ucf-", ".rpm", ".pam-old", ".bak", ".orig", ".pacnew", ".pacsave"}) {
        if (name.find(mark) != std::string::npos) return true;
    }
    return false;
}

/// All files of the directories that may be services.
Names service_names(const PamPlaces& places) {
    Names names;
    for (const auto& directory : places.services) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(directory, ignored)) {
            const auto name = entry.path().filename().string();
            if (!is_left_over(name)) names.insert(name);
        }
    }
    return names;
}

/// Whether somebody gets in by it without a code, at a line of which none of the others says so.
bool shows_a_bypass_of_its_own(const Examination& examined, const std::vector<Examination>& others) {
    const auto is_bypass = [](const CheckFinding& finding) { return finding.kind == "bypass"; };
    const auto is_told = [&](const CheckFinding& bypass) {
        return std::ranges::any_of(others, [&](const Examination& other) {
            return std::ranges::any_of(other.findings, [&](const CheckFinding& finding) {
                return is_bypass(finding) && finding.place == bypass.place;
            });
        });
    };
    return std::ranges::any_of(examined.findings, [&](const CheckFinding& finding) {
        return is_bypass(finding) && !is_told(finding);
    });
}

bool has_capitals(const std::string& name) { return in_small_letters(name) != name; }

/// A file that libpam never reads, where it was meant to ask for a code.
void add_never_read(Examination examined, std::vector<Examination>& found) {
    const bool is_fault = std::ranges::any_of(examined.findings, [](const CheckFinding& finding) {
        return finding.kind == "never_read" && finding.severity == Severity::fault;
    });
    if (!is_fault) return;
    std::erase_if(found, [&](const Examination& other) { return other.service == examined.service; });
    found.push_back(std::move(examined));
}

}  // namespace

std::vector<Examination> examine_services_of_interest(const Surroundings& surroundings) {
    const auto names = service_names(surroundings.pam);
    const auto is_door = [&](const std::string& name) { return usual_door(name, names).has_value(); };
    Names of_interest;
    Names taken_in;
    for (const auto& name : names) {
        if (has_capitals(name)) continue;
        const auto stacks = read_service(surroundings.pam, name);
        for (const auto& path : stacks.taken_in) {
            const auto file = fs::path(path).filename().string();
            if (file != name) taken_in.insert(file);
        }
        if (is_door(name) || is_ours_in(stacks)) of_interest.insert(name);
    }
    std::vector<Examination> found;
    std::vector<Examination> parts;
    for (const auto& name : of_interest) {
        const bool is_part = taken_in.contains(name) && !is_door(name);
        (is_part ? parts : found).push_back(examine_service(surroundings, name));
    }
    for (auto& part : parts) {
        if (shows_a_bypass_of_its_own(part, found)) found.push_back(std::move(part));
    }
    for (const auto& name : names) {
        if (has_capitals(name) && !taken_in.contains(name))
            add_never_read(examine_service(surroundings, name), found);
    }
    std::ranges::sort(found, {}, &Examination::service);
    return found;
}

}  // namespace totp
