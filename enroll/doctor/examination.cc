#include "enroll/doctor/examination.h"

namespace totp {

std::string_view name_of(Protection protection) {
    switch (protection) {
        case Protection::proven: return "proven";
        case Protection::exempt: return "exempt";
        case Protection::bypass: return "bypass";
        case Protection::no_code: return "no_code";
        case Protection::unknown: return "unknown";
    }
    return "";
}

CheckFinding& Examination::add(Severity severity, std::string kind, Sentence sentence, FileLine place,
                               Sentence change) {
    findings.push_back(
        {severity, std::move(kind), service, std::move(sentence), std::move(place), std::move(change)});
    return findings.back();
}

}  // namespace totp
