// Which ways sshd lets people in by, as far as codes are concerned, and what is wrong with them. Pure.
#pragma once

#include <string>
#include <vector>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/sshd_match.h"
#include "enroll/doctor/sshd_settings.h"
#include "enroll/doctor/stack_examiner.h"

namespace totp {

/// What is known of the stack of the PAM service that sshd asks.
struct SshdStack {
    Protection protection = Protection::unknown;
    bool takes_one_field = false;     ///< a line of ours takes the code from behind the password
    bool lets_unenrolled_in = false;  ///< without a code
};

/// sshd as one connection finds it.
struct SshdView {
    SshdConnection connection;
    SshdSettings settings;  ///< for this connection
    SshdStack stack;
    const SshdBlock* block = nullptr;  ///< whose people the connection stands for; null: for everybody else

    bool is_root() const { return connection.person.name == "root"; }
};

/// Who gets in without a code, and who can't get in at all; of root only what isn't so of everybody.
///
/// `config`  where the settings come from, to say which line to change.
///
/// What the stack alone makes of passwords and codes is stack_examiner's to say, and isn't said again.
std::vector<CheckFinding> judge_sshd(const SshdConfig& config, const SshdView& view);

/// Whether it tells of a way in on which PAM isn't asked who comes.
bool is_way_beside_pam(const CheckFinding& finding);

}  // namespace totp
