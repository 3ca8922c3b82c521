#include "enroll/doctor/services_of_interest.h"

#include <filesystem>
#include <set>
#include <string>

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

/// The files that lines of the service come from, its own aside.
void note_taken_in(const ServiceStacks& stacks, const std::string& service, Names& taken_in) {
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        if (stacks.is_of_other[phase]) continue;
        for (const auto& line : stacks.phases[phase]) {
            const auto name = fs::path(line.place.file).filename().string();
            if (name != service) taken_in.insert(name);
        }
    }
}

}  // namespace

std::vector<Examination> examine_services_of_interest(const Surroundings& surroundings) {
    const auto names = service_names(surroundings.pam);
    const auto is_door = [&](const std::string& name) { return usual_door(name, names).has_value(); };
    Names of_interest;
    Names taken_in;
    for (const auto& name : names) {
        const auto stacks = read_service(surroundings.pam, name);
        note_taken_in(stacks, name, taken_in);
        if (is_door(name) || is_ours_in(stacks)) of_interest.insert(name);
    }
    std::vector<Examination> found;
    for (const auto& name : of_interest) {
        if (!taken_in.contains(name) || is_door(name)) found.push_back(examine_service(surroundings, name));
    }
    return found;
}

}  // namespace totp
