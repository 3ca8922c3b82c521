#include "enroll/doctor/finding.h"

#include <algorithm>

namespace totp {
namespace {

std::string_view name_of(Severity severity) {
    switch (severity) {
        case Severity::fault: return "fault";
        case Severity::warning: return "warning";
        case Severity::remark: return "remark";
    }
    return "";
}

Json text(std::string_view text) { return text; }

}  // namespace

bool is_sound(const std::vector<CheckFinding>& findings) {
    return std::ranges::count(findings, Severity::fault, &CheckFinding::severity) == 0;
}

std::string text_of(const CheckFinding& finding) {
    auto text =
        std::string(name_of(finding.severity)) + "  " + finding.about + ": " + finding.sentence + ".\n";
    for (const auto& step : finding.steps) text += "    " + step + "\n";
    if (!finding.place.file.empty()) text += "  at " + text_of(finding.place) + "\n";
    if (!finding.change.empty()) text += "  change: " + finding.change + "\n";
    return text;
}

Json facts_of(const CheckFinding& finding) {
    Json facts = {{"severity", text(name_of(finding.severity))},
                  {"kind", text(finding.kind)},
                  {"about", text(finding.about)},
                  {"sentence", text(finding.sentence)},
                  {"file", finding.place.file.empty() ? Json() : text(finding.place.file)},
                  {"line", finding.place.line == 0 ? Json() : Json(finding.place.line)},
                  {"change", finding.change.empty() ? Json() : text(finding.change)},
                  {"steps", Json::array()}};
    for (const auto& step : finding.steps) facts["steps"].push_back(text(step));
    facts["accounts"] = Json::array();
    for (const auto& account : finding.accounts) facts["accounts"].push_back(text(account));
    return facts;
}

}  // namespace totp
