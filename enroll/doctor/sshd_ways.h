// What is wrong with the ways by which sshd lets people in, as far as codes are concerned. Pure.
#pragma once

#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/sshd_methods.h"

namespace totp {

/// Who gets in without a code, and who can't get in at all; of root only what isn't so of everybody.
///
/// `config`  where the settings come from, to say which line to change.
/// `root`    how root comes by the same way, so that no change is told that shuts root out without a word;
/// null
///           where that isn't known.
///
/// What the stack alone makes of passwords and codes is stack_examiner's to say, and isn't said again.
std::vector<CheckFinding> judge_sshd(const SshdConfig& config, const SshdView& view, const SshdView* root);

/// Of what was found of sshd's stack, nobody comes there who hasn't shown who they are before: then it
/// needn't ask for that, too.
void tell_of_proof_before_pam(std::vector<CheckFinding>& findings);

/// Whether it tells of a way in on which PAM isn't asked who comes.
bool is_way_beside_pam(const CheckFinding& finding);

}  // namespace totp
