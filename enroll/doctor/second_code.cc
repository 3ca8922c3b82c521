#include "enroll/doctor/second_code.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "enroll/doctor/stack_players.h"
#include "enroll/doctor/stack_prover.h"

namespace totp {
namespace {

using Players = std::vector<Player>;

/// Those of who is enrolled.
Players enrolled(const JudgedStack& judged) {
    return players_of(judged.places, judged.stack, Phase::auth, judged.ours, {.is_unenrolled = false},
                      judged.now);
}

/// Where no line of ours takes a code but this, and those behind it that are content with that one.
Players with_code_for_one(const JudgedStack& judged, const OurLine& taking) {
    auto players = enrolled(judged);
    for (const auto& other : judged.ours) {
        const bool lets_pass = other.settings.once && other.index > taking.index;
        if (other.index != taking.index && !lets_pass) players[other.index].answers.reset(PAM_SUCCESS);
    }
    return players;
}

/// Whether some way in goes by a code that this line takes.
bool lets_in_by(const JudgedStack& judged, const OurLine& taking, const Players& players) {
    const auto goes_by_it = [&](const Way& way) {
        return std::ranges::any_of(way.steps, [&](const Step& step) {
            return step.line == taking.index && step.code == PAM_SUCCESS;
        });
    };
    const auto whole =
        players_of(judged.places, judged.stack, Phase::auth, judged.ours, as_meant, judged.now);
    const auto openings = find_openings(judged.stack, players, whole);
    return (openings.open && goes_by_it(*openings.open)) ||
           std::ranges::any_of(openings.conditional, goes_by_it);
}

}  // namespace

bool is_second_code_needed(const JudgedStack& judged) {
    const auto place_of = [&](const OurLine& ours) { return judged.stack[ours.index].place; };
    if (place_of(judged.ours.front()) == place_of(judged.ours.back())) {
        return false;  // one line, also in `other`, which libpam reads twice
    }
    const auto both = enrolled(judged);
    const bool is_any_needed =
        std::ranges::any_of(judged.ours, [&](const OurLine& ours) { return lets_in_by(judged, ours, both); });
    const bool is_one_enough = std::ranges::any_of(judged.ours, [&](const OurLine& ours) {
        return lets_in_by(judged, ours, with_code_for_one(judged, ours));
    });
    return is_any_needed && !is_one_enough;
}

}  // namespace totp
