#include "enroll/doctor/stack_examiner.h"

#include <algorithm>

#include <security/pam_appl.h>

#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/doctor/account_phase.h"
#include "enroll/doctor/bypass_change.h"
#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/line_examiner.h"
#include "enroll/doctor/order_change.h"
#include "enroll/doctor/second_code.h"
#include "enroll/doctor/small_letters.h"
#include "enroll/doctor/stack_players.h"
#include "enroll/doctor/stack_prover.h"
#include "enroll/doctor/way_in_words.h"

namespace totp {
namespace {

/// Its people are asked who they are, at their own account: nobody is a stranger there.
constexpr std::string_view our_service = "totp-enroll";
/// The one for accounts without a password: a code alone is what it is for.
constexpr std::string_view our_service_by_code = "totp-enroll-code";

using Players = std::vector<Player>;

/// Not counting what `other` says in its place.
bool has_own_line_of_ours(const ServiceStacks& stacks) {
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
        if (!stacks.is_of_other[phase] && std::ranges::any_of(stacks.phases[phase], is_ours)) return true;
    }
    return false;
}

class Examiner {
  public:
    Examiner(const Surroundings& surroundings, const std::string& service)
        : surroundings_(surroundings), stacks_(read_service(surroundings.pam, service)) {
        result_.service = in_small_letters(service);
    }

    Examination examine() {
        if (!lines_.can_judge()) return std::move(result_);
        note_modules();
        if (!stacks_.has_file) {
            result_.add(Severity::remark, "other", tr("there is no file for it, so `other` stands in"),
                        file_of_auth());
        }
        lines_.note_lines_that_end_sooner();
        lines_.note_lines_without_effect();
        ours_ = lines_.lines_of_ours(Phase::auth);
        lines_.note_missing_modules(lets_anybody_in());
        if (ours_.empty()) {
            result_.protection = Protection::no_code;
            examine_without_ours();
            return std::move(result_);
        }
        for (const auto& line : ours_) {
            if (line.is_usable) result_.settings.push_back(line.settings);
        }
        result_.takes_one_field = std::ranges::any_of(ours_, is_one_field);
        lines_.note_lines_that_fail(Phase::auth);
        examine_code();
        result_.unenrolled = fate_of_unenrolled();
        examine_first_factor();
        if (const auto* enrolling = line_where_people_enrol())
            examine_account_phase(surroundings_, stacks_, *enrolling, lines_, result_);
        return std::move(result_);
    }

  private:
    void note_modules() {
        for (const auto& stack : stacks_.phases) {
            for (const auto& line : stack) {
                if (is_ours(line)) result_.modules.push_back(line.module);
            }
        }
    }
    const Stack& auth() const { return stacks_[Phase::auth]; }

    FileLine file_of_auth() const {
        return auth().empty() ? FileLine{} : FileLine{auth().front().in_service.file};
    }
    /// The line of the service by which the password is checked; nothing where there is none.
    std::optional<FileLine> password_line() const {
        for (auto line = auth().rbegin(); line != auth().rend(); ++line) {
            if (is_first_factor(*line) && !lines_.is_missing(*line)) return line->in_service;
        }
        return std::nullopt;
    }
    /// Who gets in nowhere needs no code: to add one would mend nothing.
    void examine_without_ours() {
        if (lets_anybody_in()) return note_no_code();
        lines_.note_lines_that_fail(Phase::auth);
        if (is_sound(result_.findings)) {
            result_.add(Severity::remark, "closed", tr("nobody gets in, whatever they answer"),
                        file_of_auth());
        }
    }
    bool lets_anybody_in() const { return Trial(judged()).lets_anybody_in(); }
    void note_no_code() {
        const auto spoilt = std::ranges::find_if(auth(), [](const StackLine& line) {
            return line.module_name() == std::string(our_module) + "\r";
        });
        if (spoilt != auth().end()) {
            result_.add(Severity::remark, "no_code", tr("no code is asked"), spoilt->place,
                        lines_.mend(spoilt->place, {}));
            return;
        }
        const auto password = password_line();
        result_.add(Severity::remark, "no_code", tr("no code is asked"), password.value_or(file_of_auth()),
                    change_that_adds_ours_after(password));
    }
    Sentence change_that_adds_ours_after(const std::optional<FileLine>& password) const {
        const auto read = settings_for_line(surroundings_.settings, {});
        const auto settings = read ? *read : Settings();
        const auto change = password
                                ? change_that_adds_ours(judged(), *password, settings)
                                : tr("add the line %1", {"`auth required " + std::string(our_module) + "`"});
        if (!change) return password_lines_anew();
        if (unenrolled_at(settings, surroundings_.now) != Unenrolled::refuse) return *change;
        return tr(
            "%1; who isn't enrolled, root too, doesn't get in then: until they are, write "
            "`unenrolled=ignore` behind it",
            {*change});
    }

    // ---- what may be answered

    JudgedStack judged() const { return {surroundings_.pam, auth(), ours_, surroundings_.now}; }
    Players players(const Assumption& assumption) const {
        return players_of(surroundings_.pam, auth(), Phase::auth, ours_, assumption, surroundings_.now);
    }
    Unenrolled unenrolled(const OurLine& ours) const {
        return unenrolled_at(ours.settings, surroundings_.now);
    }
    /// The first, at a login; nothing where they can't.
    const StackLine* line_where_people_enrol() const {
        const auto first = std::ranges::find_if(
            ours_, [&](const OurLine& ours) { return unenrolled(ours) == Unenrolled::enrol; });
        return first == ours_.end() ? nullptr : &auth()[first->index];
    }

    // ---- the code

    void examine_code() {
        const auto whole = players(as_meant);
        const auto openings = Trial(judged()).without_code();
        result_.protection = openings.conditional.empty() ? Protection::proven : Protection::exempt;
        for (const auto& way : openings.conditional) note_exemption(way);
        if (openings.open) return note_bypass(*openings.open);
        if (!result_.service.starts_with(our_service)) note_unenrolled(whole);
        note_remembered();
        note_second_code();
        if (!find_way(auth(), players(anything), whole) && is_sound(result_.findings)) {
            result_.add(Severity::fault, "closed", tr("nobody gets in, whatever they answer"),
                        auth()[ours_.front().index].place, tr("look at what each line after it answers"));
        }
    }
    void note_bypass(const Way& way) {
        result_.protection = Protection::bypass;
        const auto proof = std::ranges::find_if(way.steps, [&](const Step& step) {
            return step.code == PAM_SUCCESS && is_first_factor(auth()[step.line]);
        });
        const auto sentence =
            proof != way.steps.end()
                ? tr("who passes %1 gets in without a code", {printable(auth()[proof->line].module)})
                : tr("somebody gets in who has neither proved who they are nor given a code");
        add_way(result_, Severity::fault, auth(), way, "bypass", sentence, change_against_bypass(way));
    }
    Sentence change_against_bypass(const Way& way) const {
        if (auto change = change_of_bypass(judged(), way)) return *std::move(change);
        return password_lines_anew();
    }
    static Sentence password_lines_anew() {
        return tr(
            "to change single lines isn't enough: the lines that check the password have to be written "
            "anew, as in the recipes of pam_totp(8)");
    }
    /// Says whom a condition lets pass.
    void note_exemption(const Way& way) {
        const auto& line = auth()[*way.condition];
        const auto step = std::ranges::find(way.steps, *way.condition, &Step::line);
        auto what = printable(line.module);
        for (const auto& argument : line.arguments) what += " " + printable(argument);
        const bool is_root = line.module_name() == "pam_rootok.so" && step->code == PAM_SUCCESS;
        add_way(result_, Severity::remark, auth(), way, "exempt",
                is_root ? tr("root is asked for no code (%1)", {what})
                        : tr("no code is needed where %1 answers %2", {what, name_of_code(step->code)}),
                {});
    }
    /// Of all of them alike; root at su, who is asked for nothing, aside.
    std::optional<Unenrolled> fate_of_unenrolled() const {
        if (result_.protection != Protection::proven && result_.protection != Protection::exempt)
            return std::nullopt;
        const auto whole = players(as_meant);
        auto without = players({.is_code_given = false});
        for (std::size_t i = 0; i < auth().size(); ++i) {
            if (auth()[i].module_name() == "pam_rootok.so") without[i].answers.reset(PAM_SUCCESS);
        }
        const auto way = find_way(auth(), without, whole);
        if (!way) return Unenrolled::refuse;
        if (way->condition) return std::nullopt;
        return line_where_people_enrol() != nullptr ? Unenrolled::enrol : Unenrolled::ignore;
    }
    void note_unenrolled(const Players& whole) {
        const auto way = find_way(auth(), players({.is_code_given = false}), whole);
        const bool passes = way && std::ranges::any_of(way->steps, [&](const Step& step) {
                                return step.code == PAM_IGNORE && is_ours(auth()[step.line]);
                            });
        if (!passes) return;
        for (const auto& ours : ours_) {
            const auto& line = auth()[ours.index];
            if (unenrolled(ours) == Unenrolled::ignore) {
                result_.add(Severity::remark, "unenrolled", tr("who isn't enrolled gets in without a code"),
                            line.place,
                            tr("once everybody is enrolled, leave out unenrolled=ignore (or nullok)"));
                note_days_without_effect(ours);
            }
            if (unenrolled(ours) == Unenrolled::enrol) {
                result_.add(Severity::remark, "enrols", tr("who isn't enrolled enrols at the login"),
                            line.place);
            }
        }
    }

    /// The line passes them over; who set a day thinks that it shuts then.
    void note_days_without_effect(const OurLine& ours) {
        if (ours.settings.unenrolled == Unenrolled::enrol) return;
        if (!ours.settings.enrol_by && !ours.settings.enrol_until) return;
        const auto& place = auth()[ours.index].place;
        result_.add(
            Severity::remark, "days",
            tr("enrol_by and enrol_until count with unenrolled=enrol alone: this line goes on letting in who "
               "isn't enrolled"),
            place,
            lines_.mend(place, tr("write unenrolled=enrol in place of unenrolled=ignore (or nullok)")));
    }

    void note_remembered() {
        for (const auto& ours : ours_) {
            const int seconds = ours.settings.policy.remember;
            if (seconds == 0) continue;
            result_.add(
                Severity::remark, "remember",
                tr_n("a host from which somebody gave a code isn't asked for theirs again for %1 second",
                     "a host from which somebody gave a code isn't asked for theirs again for %1 seconds",
                     seconds),
                auth()[ours.index].place);
        }
    }

    /// The first is spent by then.
    void note_second_code() {
        if (!is_second_code_needed(judged())) return;
        result_.add(
            Severity::warning, "two_codes",
            tr("who is enrolled is asked twice, and a code that was taken once isn't a second time"),
            auth()[ours_.back().index].place,
            tr("take this line away, or the one at %1", {text_of(auth()[ours_.front().index].place)}));
    }

    // ---- what else has to be proved

    void examine_first_factor() {
        if (result_.protection == Protection::bypass) return;
        const auto whole = players(as_meant);
        if (result_.service != our_service_by_code) {
            const auto without = players({.is_code_given = false, .is_first_factor_given = false});
            const auto alone = players({.is_first_factor_given = false});
            if (const auto way = find_way(auth(), without, whole); way && !way->condition) {
                add_way(result_, Severity::fault, auth(), *way, "nothing",
                        tr("who isn't enrolled gets in and proves nothing"),
                        password_first(auth()[ours_.front().index]));
            } else if (const auto code = find_way(auth(), alone, whole); code && !is_exempted(*code)) {
                note_code_alone(*code);
            }
        }
        if (!result_.service.starts_with(our_service)) examine_order();
    }
    /// Root at su proves nothing and is in no need to.
    bool is_exempted(const Way& way) const {
        return std::ranges::none_of(way.steps, [&](const Step& step) { return is_ours(auth()[step.line]); });
    }
    void note_code_alone(const Way& way) {
        const auto sentence = tr("a code is enough to get in, and nothing else has to be proved");
        if (way.condition) {
            add_way(result_, Severity::remark, auth(), way, "code_alone",
                    tr("%1 where %2 has it so", {sentence, printable(auth()[*way.condition].module)}), {});
        } else {
            add_way(result_, Severity::fault, auth(), way, "code_alone", sentence,
                    password_first(auth()[ours_.front().index]));
        }
    }
    /// Whether somebody is asked for a code whose password wasn't right.
    void examine_order() {
        const Trial as_it_is(judged());
        for (const auto& ours : ours_) {
            const auto way = as_it_is.way_of_strangers(ours);
            if (!way) continue;
            auto& finding = result_.add(
                Severity::warning, "asked_first",
                tr("a code is asked of people whose password wasn't right, so strangers can use up "
                   "somebody's guesses"),
                auth()[ours.index].place, change_against_order(*way, ours.index));
            finding.steps = steps_in_words(auth(), *way);
            return;
        }
    }
    static Sentence password_first(const StackLine& ours) {
        return tr("put the line that checks the password, as `auth requisite pam_unix.so`, before %1",
                  {text_of(ours.place)});
    }
    Sentence change_against_order(const Way& way, std::size_t ours) const {
        if (!password_line()) return password_first(auth()[ours]);
        if (auto change = change_of_order(judged(), way, ours)) return *std::move(change);
        return tr(
            "no line can just be moved without opening a way past it or shutting somebody out: the lines "
            "that check the password have to be written anew, as in the recipes of pam_totp(8)");
    }

    const Surroundings& surroundings_;
    const ServiceStacks stacks_;
    Examination result_;
    LineExaminer lines_{surroundings_, stacks_, result_};
    std::vector<OurLine> ours_;
};

void note_file_in_capitals(const PamPlaces& places, const std::string& service, Examination& examined) {
    const auto found = read_in_vain(places, service);
    if (!found) return;
    const auto wanted = found->file.substr(0, found->file.rfind('/') + 1) + examined.service;
    examined.add(
        has_own_line_of_ours(found->stacks) ? Severity::fault : Severity::remark, "never_read",
        tr("libpam never reads that file as a service's: it looks for them in small letters"),
        {found->file, 0},
        read_service(places, service).has_file
            ? tr("put what it says into %1, then %2", {shell_word(wanted), command_line("rm", {found->file})})
            : Sentence(command_line("mv", {found->file, wanted})));
}

}  // namespace

Examination examine_service(const Surroundings& surroundings, const std::string& service) {
    auto examined = Examiner(surroundings, service).examine();
    note_file_in_capitals(surroundings.pam, service, examined);
    return examined;
}

bool is_ours_in(const ServiceStacks& stacks) {
    return std::ranges::any_of(stacks.phases,
                               [](const Stack& stack) { return std::ranges::any_of(stack, is_ours); });
}

}  // namespace totp
