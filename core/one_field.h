// A password and a code typed into one field, for applications that ask but once: where the one ends and the
// other begins. Knows shapes alone; which reading is right is core/verifier's.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/enrolment.h"

namespace totp {

/// One reading of a field: what stands before the code, and the code. Both are parts of the field.
struct Split {
    std::string_view password;
    std::string_view code;
};

/// Every way to read `field` as a password and a code of `enrolment`: a device's code or eight digits that
/// may be a recovery code, the longest first, then a recovery code of ours. None where the field doesn't end
/// like one.
///
/// A code stands at the very end, without blanks; a recovery code with all its hyphens or with none.
///
/// How many there are depends on the shape of the field and on what is enrolled, never on which code is
/// right.
std::vector<Split> splits(std::string_view field, const Enrolment& enrolment);

/// The reading that needs no enrolment, for processes that may not see one: all the digits at the end, if
/// they are six to eight, else a recovery code. Nothing where a code may begin at more than one place.
std::optional<Split> obvious_split(std::string_view field);

/// Whether the reading may have taken digits of the password for the code's: a shorter code would be one too.
bool may_be_shorter(const Split& split);

/// Whether a person has put a code behind the password, as far as shapes tell. Sixteen letters in a
/// row are taken for a passphrase, though one recovery code in 400 has no digit.
bool ends_like_code(std::string_view field);

}  // namespace totp
