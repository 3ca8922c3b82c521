#include "enroll/doctor/stack_examiner.h"

#include <algorithm>
#include <cerrno>

#include <security/pam_appl.h>
#include <unistd.h>

#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/doctor/known_modules.h"
#include "enroll/doctor/order_change.h"
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

bool is_closed_to_us(const std::string& file) { return access(file.c_str(), R_OK) != 0 && errno == EACCES; }

class Examiner {
  public:
    Examiner(const Surroundings& surroundings, const std::string& service)
        : surroundings_(surroundings), stacks_(read_service(surroundings.pam, service)) {
        result_.service = service;
    }

    Examination examine() {
        if (!can_judge()) return std::move(result_);
        if (!stacks_.has_file) {
            add(Severity::remark, "other", tr("there is no file for it, so `other` stands in"),
                file_of_auth());
        }
        note_lines_that_end_sooner();
        note_lines_without_effect();
        ours_ = lines_of_ours(Phase::auth);
        note_missing_modules();
        if (ours_.empty()) {
            result_.protection = Protection::no_code;
            examine_without_ours();
            return std::move(result_);
        }
        result_.takes_one_field = std::ranges::any_of(ours_, is_one_field);
        note_lines_that_fail(Phase::auth);
        examine_code();
        result_.unenrolled = fate_of_unenrolled();
        examine_first_factor();
        if (has_unenrolled(Unenrolled::enrol)) examine_account();
        return std::move(result_);
    }

  private:
    const Stack& auth() const { return stacks_[Phase::auth]; }

    CheckFinding& add(Severity severity, std::string kind, Sentence sentence, FileLine place,
                      Sentence change = {}) {
        result_.findings.push_back({severity, std::move(kind), result_.service, std::move(sentence),
                                    std::move(place), std::move(change)});
        return result_.findings.back();
    }
    CheckFinding& add(Severity severity, const Stack& stack, const Way& way, std::string kind,
                      Sentence sentence, Sentence change) {
        auto& finding = add(severity, std::move(kind), std::move(sentence),
                            stack[blamed_line(stack, way)].place, std::move(change));
        finding.steps = steps_in_words(stack, way);
        return finding;
    }
    FileLine file_of_auth() const {
        return auth().empty() ? FileLine{} : FileLine{auth().front().in_service.file};
    }
    /// The line of the service by which the password is checked; nothing where there is none.
    std::optional<FileLine> password_line() const {
        for (auto line = auth().rbegin(); line != auth().rend(); ++line) {
            if (is_first_factor(*line) && !is_missing(*line)) return line->in_service;
        }
        return std::nullopt;
    }
    /// Who gets in nowhere needs no code: to add one would mend nothing.
    void examine_without_ours() {
        if (lets_anybody_in()) return note_no_code();
        note_lines_that_fail(Phase::auth);
        if (is_sound(result_.findings))
            add(Severity::remark, "closed", tr("nobody gets in, whatever they answer"), file_of_auth());
    }
    bool lets_anybody_in() const {
        const auto whole = players(anything);
        return find_way(auth(), whole, whole).has_value();
    }
    void note_no_code() {
        const auto spoilt = std::ranges::find_if(auth(), [](const StackLine& line) {
            return line.module_name() == std::string(our_module) + "\r";
        });
        if (spoilt != auth().end()) {
            add(Severity::remark, "no_code", tr("no code is asked"), spoilt->place, mend(spoilt->place, {}));
            return;
        }
        const auto password = password_line();
        const auto wanted = "`auth required " + std::string(our_module) + "`";
        add(Severity::remark, "no_code", tr("no code is asked"), password.value_or(file_of_auth()),
            password ? tr("add the line %1 after %2", {wanted, text_of(*password)})
                     : tr("add the line %1", {wanted}));
    }

    // ---- what was read

    bool can_judge() {
        for (const auto& file : stacks_.unreadable) {
            add(Severity::warning, "unreadable", tr("what it says can't be read by you: run this as root"),
                {file, 0});
        }
        if (!stacks_.unreadable.empty()) return false;
        if (!stacks_.broken) return true;
        add(Severity::fault, "broken", tr("nobody gets in: %1", {stacks_.broken->complaint}),
            stacks_.broken->place, mend(stacks_.broken->place, tr("mend that line")));
        return false;
    }
    bool ends_as_on_windows(const FileLine& place) const {
        return std::ranges::count(stacks_.with_returns, place.file) > 0;
    }
    /// `otherwise`, unless the file is one to which carriage returns were added.
    Sentence mend(const FileLine& place, Sentence otherwise) const {
        if (!ends_as_on_windows(place)) return otherwise;
        return tr("the lines of that file end as on Windows: %1",
                  {command_line(R"(sed -i 's/\r$//')", {place.file})});
    }
    /// What a carriage return spoils is told at its first line alone.
    bool is_told(const FileLine& place) const {
        const auto mending = mend(place, {}).english();
        return ends_as_on_windows(place) &&
               std::ranges::any_of(result_.findings, [&](const CheckFinding& finding) {
                   return finding.change.english() == mending;
               });
    }
    void note_lines_that_end_sooner() {
        for (const auto& place : stacks_.ending_sooner) {
            add(Severity::fault, "ends_sooner",
                tr("the line goes on after an empty line or a comment, but since 1.6 libpam ends it there"),
                place, tr("put what continues it right behind it"));
        }
    }
    void note_lines_without_effect() {
        for (const auto phase : {Phase::password, Phase::session}) {
            for (const auto& line : stacks_[phase]) {
                if (!is_ours(line)) continue;
                add(Severity::remark, "no_effect",
                    tr("our module does nothing in the %1 phase", {name_of(phase)}), line.place,
                    tr("take the line away"));
            }
        }
    }
    void note_lines_that_fail(Phase phase) {
        for (const auto& line : stacks_[phase]) {
            if (line.kind != StackLine::Kind::must_fail || is_told(line.place)) continue;
            add(Severity::fault, "unreadable_line",
                tr("%1, so libpam answers for it: a refusal", {line.complaint}), line.place,
                mend(line.place, tr("correct the line, or take it away")));
        }
    }
    /// Of modules other than ours those that refuse by it. A fault where nobody gets in past them.
    void note_missing_modules() {
        const bool is_open = lets_anybody_in();
        for (const auto& line : auth()) {
            if (line.kind != StackLine::Kind::module || is_ours(line) || !is_missing(line)) continue;
            const auto verb = line.control[PAM_MODULE_UNKNOWN].verb;
            if ((verb != Verb::bad && verb != Verb::die) || is_told(line.place)) continue;
            add(is_open ? Severity::warning : Severity::fault, "module_missing",
                is_open ? tr("%1 isn't where libpam looks for it, so whoever comes to that line is refused",
                             {printable(line.module)})
                        : tr("%1 isn't where libpam looks for it, so it lets nobody in",
                             {printable(line.module)}),
                line.place, mend(line.place, tr("install it, or correct its name")));
        }
    }

    std::vector<OurLine> lines_of_ours(Phase phase) {
        std::vector<OurLine> ours;
        const auto& stack = stacks_[phase];
        for (std::size_t i = 0; i < stack.size(); ++i) {
            if (is_ours(stack[i])) ours.push_back(our_line(stack[i], i));
        }
        return ours;
    }
    OurLine our_line(const StackLine& line, std::size_t index) {
        std::vector<const char*> arguments;
        for (const auto& argument : line.arguments) arguments.push_back(argument.c_str());
        OurLine ours{index, {}, true};
        if (is_missing(line)) {
            ours.is_usable = false;
            add(Severity::fault, "module_missing",
                tr("%1 isn't where libpam looks for it, so it lets nobody in", {printable(line.module)}),
                line.place, mend(line.place, tr("install it, or correct its name")));
        }
        auto settings = settings_for_line(surroundings_.settings, arguments);
        if (settings) {
            ours.settings = *std::move(settings);
        } else if (const auto closed = closed_settings(line)) {
            add(Severity::warning, "unreadable", tr("what it says can't be read by you: run this as root"),
                {*closed, 0});
        } else {
            ours.is_usable = false;
            add(Severity::fault, "settings",
                tr("our module lets nobody in: %1", {settings.failure().message}), line.place,
                mend(line.place, tr("correct it")));
        }
        return ours;
    }
    /// The settings file that this process may not read, if there is one.
    std::optional<std::string> closed_settings(const StackLine& line) const {
        constexpr std::string_view config = "config=";
        for (const auto& argument : line.arguments) {
            const auto file = argument.substr(std::min(config.size(), argument.size()));
            if (argument.starts_with(config) && is_closed_to_us(file)) return file;
        }
        for (const auto& directory : {surroundings_.settings.administrator, surroundings_.settings.vendor}) {
            const auto file = directory + "/pam_totp.conf";
            if (is_closed_to_us(file)) return file;
        }
        return std::nullopt;
    }
    bool is_missing(const StackLine& line) const { return !find_module(surroundings_.pam, line.module); }

    // ---- what may be answered

    Players players(const Assumption& assumption) const {
        return players_of(surroundings_.pam, auth(), Phase::auth, ours_, assumption, surroundings_.now);
    }
    Unenrolled unenrolled(const OurLine& ours) const {
        return unenrolled_at(ours.settings, surroundings_.now);
    }
    bool has_unenrolled(Unenrolled what) const {
        return std::ranges::any_of(ours_, [&](const OurLine& ours) { return unenrolled(ours) == what; });
    }

    // ---- the code

    void examine_code() {
        const auto whole = players(anything);
        auto without = players({.is_code_given = false, .is_unenrolled = false});
        result_.protection = Protection::proven;
        for (std::size_t left = auth().size(); left > 0; --left) {
            const auto way = find_way(auth(), without, whole);
            if (!way) break;
            if (!way->condition) return note_bypass(*way);
            result_.protection = Protection::exempt;
            note_exemption(*way, without);
        }
        if (!result_.service.starts_with(our_service)) note_unenrolled(whole);
        note_remembered();
        if (!find_way(auth(), whole, whole) && is_sound(result_.findings)) {
            add(Severity::fault, "closed", tr("nobody gets in, whatever they answer"),
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
        add(Severity::fault, auth(), way, "bypass", sentence, change_against(auth(), way));
    }
    /// Says whom a condition lets pass, and takes the answers that do out of `players`.
    void note_exemption(const Way& way, Players& players) {
        const auto& line = auth()[*way.condition];
        const auto step = std::ranges::find(way.steps, *way.condition, &Step::line);
        auto what = printable(line.module);
        for (const auto& argument : line.arguments) what += " " + printable(argument);
        const bool is_root = line.module_name() == "pam_rootok.so" && step->code == PAM_SUCCESS;
        add(Severity::remark, auth(), way, "exempt",
            is_root ? tr("root is asked for no code (%1)", {what})
                    : tr("no code is needed where %1 answers %2", {what, name_of_code(step->code)}),
            {});
        shut_condition(auth(), way, players);
    }
    /// Of all of them alike; root at su, who is asked for nothing, aside.
    std::optional<Unenrolled> fate_of_unenrolled() const {
        if (result_.protection != Protection::proven && result_.protection != Protection::exempt)
            return std::nullopt;
        const auto whole = players(anything);
        auto without = players({.is_code_given = false});
        for (std::size_t i = 0; i < auth().size(); ++i) {
            if (auth()[i].module_name() == "pam_rootok.so") without[i].answers.reset(PAM_SUCCESS);
        }
        const auto way = find_way(auth(), without, whole);
        if (!way) return Unenrolled::refuse;
        if (way->condition) return std::nullopt;
        return has_unenrolled(Unenrolled::enrol) ? Unenrolled::enrol : Unenrolled::ignore;
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
                add(Severity::remark, "unenrolled", tr("who isn't enrolled gets in without a code"),
                    line.place, tr("once everybody is enrolled, leave out unenrolled=ignore (or nullok)"));
            }
            if (unenrolled(ours) == Unenrolled::enrol)
                add(Severity::remark, "enrols", tr("who isn't enrolled enrols at the login"), line.place);
        }
    }

    void note_remembered() {
        for (const auto& ours : ours_) {
            const int seconds = ours.settings.policy.remember;
            if (seconds == 0) continue;
            add(Severity::remark, "remember",
                tr_n("a host from which somebody gave a code isn't asked for theirs again for %1 second",
                     "a host from which somebody gave a code isn't asked for theirs again for %1 seconds",
                     seconds),
                auth()[ours.index].place);
        }
    }

    // ---- what else has to be proved

    void examine_first_factor() {
        if (result_.protection == Protection::bypass) return;
        const auto whole = players(anything);
        if (result_.service != our_service_by_code) {
            const auto without = players({.is_code_given = false, .is_first_factor_given = false});
            const auto alone = players({.is_first_factor_given = false});
            if (const auto way = find_way(auth(), without, whole); way && !way->condition) {
                add(Severity::fault, auth(), *way, "nothing",
                    tr("who isn't enrolled gets in and proves nothing"),
                    password_first(auth()[ours_.front().index]));
            } else if (const auto code = find_way(auth(), alone, whole); code && !is_exempted(*code)) {
                note_code_alone(*code);
            }
        }
        if (!result_.service.starts_with(our_service)) examine_order(whole);
    }
    /// Root at su proves nothing and is in no need to.
    bool is_exempted(const Way& way) const {
        return std::ranges::none_of(way.steps, [&](const Step& step) { return is_ours(auth()[step.line]); });
    }
    void note_code_alone(const Way& way) {
        const auto sentence = tr("a code is enough to get in, and nothing else has to be proved");
        if (way.condition) {
            add(Severity::remark, auth(), way, "code_alone",
                tr("%1 where %2 has it so", {sentence, printable(auth()[*way.condition].module)}), {});
        } else {
            add(Severity::fault, auth(), way, "code_alone", sentence,
                password_first(auth()[ours_.front().index]));
        }
    }
    /// Whether somebody is asked for a code whose password wasn't right.
    void examine_order(const Players& whole) {
        const auto failing = players({.is_first_factor_given = false});
        for (const auto& ours : ours_) {
            if (is_one_field(ours)) continue;
            const auto way = find_way(auth(), failing, whole, ours.index);
            if (!way || way->condition) continue;
            auto& finding =
                add(Severity::warning, "asked_first",
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
        const JudgedStack judged{surroundings_.pam, auth(), ours_, surroundings_.now};
        if (auto change = change_of_order(judged, way, ours)) return *std::move(change);
        return tr(
            "no line can just be moved without opening a way past it or shutting somebody out: the lines "
            "that check the password have to be written anew, as in the recipes of pam_totp(8)");
    }

    // ---- the account phase, where who isn't enrolled enrols

    /// In the service's own file, if the auth line stands there too.
    FileLine end_of_account(const StackLine& auth_line) const {
        const auto& last = stacks_[Phase::account].back();
        return auth_line.place.file == auth_line.in_service.file ? last.in_service : last.place;
    }
    void examine_account() {
        const auto enrolling = std::ranges::find_if(
            ours_, [&](const OurLine& ours) { return unenrolled(ours) == Unenrolled::enrol; });
        const auto wanted = written(Phase::account, "required", auth()[enrolling->index]);
        const auto& stack = stacks_[Phase::account];
        const auto ours = lines_of_ours(Phase::account);
        if (ours.empty()) {
            add(Severity::fault, "account_missing",
                tr("who has still to enrol gets in nowhere: unenrolled=enrol needs our module in the account "
                   "phase too"),
                auth()[enrolling->index].place,
                stack.empty() ? tr("add the line %1", {wanted})
                              : tr("add the line %1 after %2",
                                   {wanted, text_of(end_of_account(auth()[enrolling->index]))}));
            return;
        }
        for (const auto& line : ours) {
            if (line.is_usable && unenrolled(line) != Unenrolled::enrol) {
                add(Severity::fault, "account_arguments",
                    tr("the account line has other arguments than the auth line"), stack[line.index].place,
                    tr("write %1 in its place", {wanted}));
            }
        }
        const auto players_if = [&](const Assumption& assumption) {
            return players_of(surroundings_.pam, stack, Phase::account, ours, assumption, surroundings_.now);
        };
        const auto way = find_way(stack, players_if({.is_code_given = false}), players_if(anything));
        if (!way) return;
        add(way->condition ? Severity::warning : Severity::fault, stack, *way, "account_bypass",
            tr("who has still to enrol may never come to our account line, and then gets in nowhere"),
            tr("move the line %1 before %2", {wanted, text_of(stack[blamed_line(stack, *way)].place)}));
    }

    const Surroundings& surroundings_;
    const ServiceStacks stacks_;
    Examination result_;
    std::vector<OurLine> ours_;
};

}  // namespace

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

Examination examine_service(const Surroundings& surroundings, const std::string& service) {
    return Examiner(surroundings, service).examine();
}

bool is_ours_in(const ServiceStacks& stacks) {
    return std::ranges::any_of(stacks.phases,
                               [](const Stack& stack) { return std::ranges::any_of(stack, is_ours); });
}

}  // namespace totp
