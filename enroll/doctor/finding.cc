#include "enroll/doctor/finding.h"

#include <algorithm>

#include "enroll/json.h"

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

Sentence first_line_of(const CheckFinding& finding) {
    switch (finding.severity) {
        case Severity::fault: return tr("fault  %1: %2.", {finding.about, finding.sentence});
        case Severity::warning: return tr("warning  %1: %2.", {finding.about, finding.sentence});
        case Severity::remark: return tr("remark  %1: %2.", {finding.about, finding.sentence});
    }
    return {};
}

Json text(std::string_view text) { return text; }
Json english(const Sentence& sentence) { return std::string_view(sentence.english()); }

}  // namespace

bool is_sound(const std::vector<CheckFinding>& findings) {
    return std::ranges::count(findings, Severity::fault, &CheckFinding::severity) == 0;
}

std::string text_of(const CheckFinding& finding) {
    auto text = first_line_of(finding).translated() + "\n";
    for (const auto& step : finding.steps) text += "    " + step.translated() + "\n";
    if (!finding.place.file.empty()) text += tr("  at %1", {text_of(finding.place)}).translated() + "\n";
    if (!finding.change.empty()) text += tr("  change: %1", {finding.change}).translated() + "\n";
    return text;
}

Json facts_of(const CheckFinding& finding) {
    Json facts = {{"severity", text(name_of(finding.severity))},
                  {"kind", text(finding.kind)},
                  {"about", english(finding.about)},
                  {"sentence", english(finding.sentence)},
                  {"file", finding.place.file.empty() ? Json() : text(finding.place.file)},
                  {"line", finding.place.line == 0 ? Json() : Json(finding.place.line)},
                  {"change", finding.change.empty() ? Json() : english(finding.change)},
                  {"steps", Json::array()}};
    for (const auto& step : finding.steps) facts["steps"].push_back(english(step));
    facts["accounts"] = Json::array();
    for (const auto& account : finding.accounts) facts["accounts"].push_back(text(account));
    return facts;
}

}  // namespace totp
