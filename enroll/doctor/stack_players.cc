#include "enroll/doctor/stack_players.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "enroll/doctor/known_modules.h"

namespace totp {
namespace {

/// A module that answers that it isn't concerned gets the benefit of the doubt.
Codes answers_of_success() { return Codes().set(PAM_SUCCESS).set(PAM_NEW_AUTHTOK_REQD).set(PAM_IGNORE); }

/// In the account phase ours ignores whoever has nothing to enrol, whatever the settings.
Player our_player(const OurLine& ours, Phase phase, const Assumption& assumption, UnixTime now) {
    auto codes = our_failures(phase);
    if (!ours.is_usable && !assumption.is_ours_mended) return {codes};
    const bool may_ignore = unenrolled_at(ours.settings, now) != Unenrolled::refuse;
    codes[PAM_SUCCESS] = assumption.is_code_given;
    codes[PAM_IGNORE] =
        phase == Phase::account ? assumption.is_code_given : assumption.is_unenrolled && may_ignore;
    return {codes};
}

Player other_player(const StackLine& line, Phase phase, const Assumption& assumption) {
    const auto facts = facts_of_line(line, phase);
    auto answers = facts.answers;
    if (facts.proves && !assumption.is_first_factor_given) answers &= ~answers_of_success();
    return {answers, facts.is_condition};
}

}  // namespace

bool is_one_field(const OurLine& ours) {
    return ours.settings.forward_pass || ours.settings.use_first_pass || ours.settings.try_first_pass;
}

std::vector<Player> players_of(const PamPlaces& places, const Stack& stack, Phase phase,
                               const std::vector<OurLine>& ours, const Assumption& assumption, UnixTime now) {
    std::vector<Player> players;
    for (std::size_t i = 0; i < stack.size(); ++i) {
        const auto& line = stack[i];
        if (line.kind == StackLine::Kind::substack) {
            players.push_back({});
        } else if (line.kind == StackLine::Kind::must_fail) {
            players.push_back({Codes().set(PAM_PERM_DENIED)});
        } else if (!find_module(places, line.module) && !(is_ours(line) && assumption.is_ours_mended)) {
            players.push_back({Codes().set(PAM_MODULE_UNKNOWN)});
        } else if (is_ours(line)) {
            players.push_back(
                our_player(*std::ranges::find(ours, i, &OurLine::index), phase, assumption, now));
        } else {
            players.push_back(other_player(line, phase, assumption));
        }
    }
    return players;
}

bool is_first_factor(const StackLine& line) {
    return line.kind == StackLine::Kind::module && !is_ours(line) && facts_of_line(line, Phase::auth).proves;
}

}  // namespace totp
