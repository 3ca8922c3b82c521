#include "enroll/doctor/leading_on.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

/// `further` is how many lines there are behind it. Empty where the line may stay as it is.
std::string control_that_leads_on(const StackLine& line, std::size_t further) {
    const bool decides = is_first_factor(line) || line.module_name() == "pam_deny.so";
    if (!decides || line.kind != StackLine::Kind::module) return "";
    const bool ends_all = line.action_on(PAM_SUCCESS).verb == Verb::done;
    if (ends_all && further > 0) return "[success=" + std::to_string(further) + " default=ignore]";
    const bool only_spoils = line.action_on(PAM_AUTH_ERR).verb == Verb::bad;
    return only_spoils || ends_all ? "requisite" : "";
}

}  // namespace

Sentence LeadingOn::and_then(Sentence move) const {
    for (auto each = words.rbegin(); each != words.rend(); ++each) move = tr("%1; %2", {*each, move});
    return move;
}

LeadingOn leading_on(const Stack& stack, std::size_t first, std::size_t ours) {
    const auto is_counted = [&](const StackLine& line) {
        return line.level == stack[first].level && line.place != stack[ours].place;
    };
    std::vector<std::size_t> lines;
    for (auto i = first; i < stack.size(); ++i) {
        if (is_counted(stack[i]) && are_of_one_stack(stack[i], stack[first])) lines.push_back(i);
    }
    LeadingOn leading{.edit = {.move = Edit::Move{.line = ours, .to = stack[lines.back()].place}}};
    for (const auto line : lines) {
        const auto behind = stack.begin() + static_cast<std::ptrdiff_t>(line) + 1;
        const auto end = stack.begin() + static_cast<std::ptrdiff_t>(lines.back()) + 1;
        const auto further =
            static_cast<std::size_t>(std::count_if(behind, std::max(behind, end), is_counted));
        const auto control = control_that_leads_on(stack[line], further);
        if (control.empty()) continue;
        leading.edit.controls.push_back(new_control(stack[line], control));
        leading.words.push_back(written_at(stack[line], control));
    }
    return leading;
}

bool are_of_one_stack(const StackLine& one, const StackLine& other) {
    if (one.place.file != other.place.file || one.level != other.level) return false;
    return one.stands_in_service() || one.in_service == other.in_service;
}

}  // namespace totp
