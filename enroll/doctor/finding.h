// What the doctor found, whatever it looked at: for people and for scripts.
#pragma once

#include <string>
#include <vector>

#include "core/sentence.h"
#include "enroll/doctor/pam_stack.h"
#include "enroll/json_fwd.h"

namespace totp {

enum class Severity {
    fault,    ///< somebody gets in who shouldn't, or nobody does: to be changed
    warning,  ///< works, but not as well as it could
    remark,   ///< as it was configured; good to know
};

struct CheckFinding {
    Severity severity = Severity::fault;
    std::string kind;                   ///< one word for scripts, as `bypass`
    Sentence about;                     ///< the service, or what else was looked at
    Sentence sentence;                  ///< what is so, without a full stop
    FileLine place;                     ///< where; no file where it is nowhere in particular
    Sentence change;                    ///< the exact change to make; empty where there is nothing to change
    std::vector<Sentence> steps;        ///< how it comes about, one after the other
    std::vector<std::string> accounts;  ///< all that it is about, where it is about accounts
};

bool is_sound(const std::vector<CheckFinding>& findings);  ///< no fault among them

std::string text_of(const CheckFinding& finding);  ///< for people, in their language
Json facts_of(const CheckFinding& finding);        ///< for scripts, in English

}  // namespace totp
