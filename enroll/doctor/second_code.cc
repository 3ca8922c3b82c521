#include "enroll/doctor/second_code.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "enroll/doctor/stack_players.h"
#include "enroll/doctor/stack_prover.h"

namespace totp {
namespace {

using Players = std::vector<Player>;

/// The players where no line of ours takes a code but this, and those behind it that are content with that
/// one.
Players with_code_for_one(Players players, const std::vector<OurLine>& ours, const OurLine& taking) {
    for (const auto& other : ours) {
        const bool lets_pass = other.settings.once && other.index > taking.index;
        if (other.index != taking.index && !lets_pass) players[other.index].answers.reset(PAM_SUCCESS);
    }
    return players;
}

/// Whether some of the openings goes by a code that this line takes.
bool is_by_code(const Openings& openings, const OurLine& taking) {
    const auto goes_by_it = [&](const Way& way) {
        return std::ranges::any_of(way.steps, [&](const Step& step) {
            return step.line == taking.index && step.code == PAM_SUCCESS;
        });
    };
    return (openings.open && goes_by_it(*openings.open)) ||
           std::ranges::any_of(openings.conditional, goes_by_it);
}

}  // namespace

bool is_second_code_needed(const JudgedStack& judged) {
    const auto place_of = [&](const OurLine& ours) { return judged.stack[ours.index].place; };
    if (place_of(judged.ours.front()) == place_of(judged.ours.back())) {
        return false;  // one line, also in `other`, which libpam reads twice
    }
    const auto players = [&](const Assumption& assumption) {
        return players_of(judged.places, judged.stack, Phase::auth, judged.ours, assumption, judged.now);
    };
    const auto whole = players(as_meant);
    const auto enrolled = players({.is_unenrolled = false});
    const auto with_all = find_openings(judged.stack, enrolled, whole);
    const bool is_any_needed =
        std::ranges::any_of(judged.ours, [&](const OurLine& ours) { return is_by_code(with_all, ours); });
    const bool is_one_enough = std::ranges::any_of(judged.ours, [&](const OurLine& ours) {
        const auto with_one = with_code_for_one(enrolled, judged.ours, ours);
        return is_by_code(find_openings(judged.stack, with_one, whole), ours);
    });
    return is_any_needed && !is_one_enough;
}

}  // namespace totp
