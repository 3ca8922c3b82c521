// The corpus in tests/stacks as its `expected` files have it. tests/pam/stack_truth_test holds those against
// libpam.
#include "enroll/doctor/stack_prover.h"

#include <functional>
#include <map>

#include <security/pam_appl.h>

#include "enroll/doctor/finding.h"
#include "enroll/doctor/stack_examiner.h"
#include "tests/stacks.h"
#include "tests/unit/testing.h"

namespace totp {

void print(std::string_view) {}  // of enroll/terminal: nothing is printed here

namespace {

using namespace testing;

constexpr UnixTime now = 1'800'000'000;

// ---- the corpus

/// The modules of a machine: everything that a stack names, but for what the case says isn't there.
void install_modules(const fs::path& directory, const StackCase& each) {
    for (const auto& part : {"pam.d", "vendor"}) {
        if (!fs::exists(each.directory / part)) continue;
        for (const auto& entry : fs::directory_iterator(each.directory / part)) {
            std::istringstream words(content_of(entry));
            for (std::string word; words >> word;) {
                const bool is_module = word.starts_with("pam_") && word.ends_with(".so");
                if (is_module && !each.missing.contains(word)) write_file(directory / word, "");
            }
        }
    }
}

Surroundings surroundings_of(const StackCase& each, const fs::path& modules) {
    const std::string own = each.directory / "pam.d";
    const std::string vendor = each.directory / "vendor";
    PamPlaces places{{own, vendor}, {own}, "/nonexistent", {modules}, !each.is_upstream};
    if (each.is_upstream) places.includes = places.services;
    return {places, {"/nonexistent", "/nonexistent", 0}, now};
}

Examination examined(const StackCase& each) {
    const TemporaryDirectory modules;
    install_modules(modules.path(), each);
    return examine_service(surroundings_of(each, modules.path()), each.service);
}

/// "FILE:LINE" of what is to blame.
std::string blamed(const Examination& examination) {
    for (const auto& finding : examination.findings) {
        if (finding.kind != name_of(examination.protection)) continue;
        return fs::path(finding.place.file).filename().string() + ":" + std::to_string(finding.place.line);
    }
    return "";
}

void every_stack_of_the_corpus_is_judged_as_expected(void**) {
    const auto cases = stack_cases();
    claim(cases.size() >= 40, "the corpus is there");
    for (const auto& each : cases) {
        const auto examination = examined(each);
        const auto protection = std::string(name_of(examination.protection));
        claim(protection == each.protection, each.name + ": " + protection + " | is | " + each.protection);
        if (!each.blamed.empty())
            claim(blamed(examination) == each.blamed,
                  each.name + ": " + blamed(examination) + " is to blame");
        std::multiset<std::string> kinds;
        for (const auto& finding : examination.findings) kinds.insert(finding.kind);
        for (const auto& kind : kinds)
            claim(kinds.count(kind) == each.findings.count(kind), each.name + " has the finding " + kind);
        claim(kinds.size() == each.findings.size(), each.name + " has no other finding");
    }
}

void every_fault_says_where_it_is_and_what_to_change(void**) {
    for (const auto& each : stack_cases()) {
        for (const auto& finding : examined(each).findings) {
            if (finding.severity != Severity::fault) continue;
            claim(!finding.place.file.empty() && !finding.change.empty(),
                  each.name + ": " + finding.sentence.english());
        }
    }
}

// ---- the change

std::string change_for(std::string_view name) {
    for (const auto& each : stack_cases()) {
        if (each.name != name) continue;
        for (const auto& finding : examined(each).findings) {
            if (finding.severity == Severity::fault) return finding.change.english();
        }
    }
    return "";
}

void says_the_exact_line_to_write(void**) {
    const auto optional = change_for("debian_optional");
    claim(optional.starts_with("write `auth required pam_totp.so` at ") && optional.ends_with("/sshd:4"),
          optional);
    const auto sufficient = change_for("rhel_7_after_sufficient");
    claim(sufficient.starts_with(
              "write `auth [success=3 default=ignore] pam_unix.so nullok try_first_pass` at ") &&
              sufficient.find(", so that it leads to ") != std::string::npos,
          sufficient);
    const auto sufficient_before_deny = change_for("debian_after_sufficient");
    claim(sufficient_before_deny.starts_with("write `auth [success=1 default=ignore] pam_unix.so` at ") &&
              sufficient_before_deny.ends_with("/sshd:3"),
          sufficient_before_deny);
    const auto jump = change_for("debian_jumped_over");
    claim(jump.starts_with("move the line `auth required pam_totp.so` from ") &&
              jump.ends_with("common-auth:10"),
          jump);
}

// ---- what to change, followed to the letter

/// What is done to one file: by line, as it stands before any of it.
struct FileChange {
    std::map<int, std::string> written;
    std::map<int, std::vector<std::string>> after;
    std::set<int> away;
};
using Changes = std::map<std::string, FileChange>;

/// "FILE:LINE" in what was said, from `start` on.
std::pair<std::string, int> place_in(const std::string& said, std::size_t start) {
    const auto end = std::min(said.find_first_of(",; ", start), said.size());
    const auto place = said.substr(start, end - start);
    const auto colon = place.rfind(':');
    return {place.substr(0, colon), std::stoi(place.substr(colon + 1))};
}
/// What stands in quotes.
std::string quoted_in(const std::string& said) {
    const auto start = said.find('`') + 1;
    return said.substr(start, said.find('`', start) - start);
}

/// A line of the corpus, where files may have been changed already.
std::string line_of_text(const std::string& content, int number) {
    std::istringstream text(content);
    std::string line;
    for (; number > 0; --number) std::getline(text, line);
    return line;
}

/// The line with `auth_err=2` in its control, in place of what it had for that code.
std::string with_action(const std::string& line, const std::string& action) {
    const auto word = action.substr(0, action.find('=') + 1);
    const auto start = line.find(word);
    claim(start != std::string::npos, "`" + word + "` stands there: " + line);
    return line.substr(0, start) + action + line.substr(line.find_first_of(" ]", start));
}

/// The first line of the file that is about the auth phase.
int first_auth_line(const std::string& file) {
    const auto content = content_of(file);
    for (int number = 1;; ++number) {
        const auto line = line_of_text(content, number);
        if (line.starts_with("auth") || line.starts_with("-auth") || line.starts_with("@include"))
            return number;
    }
}

/// The changes that a sentence asks for; `ours` is the line it is about.
Changes changes_in(const std::string& sentence, const FileLine& ours) {
    Changes changes;
    std::pair<std::string, int> last;
    std::istringstream clauses(sentence);
    for (std::string said; std::getline(clauses, said, ';');) {
        said.erase(0, said.find_first_not_of(' '));
        const auto place_after = [&](std::string_view words) {
            return last = place_in(said, said.find(words) + words.size());
        };
        if (said.starts_with("write `ignore` in place of ")) {
            const auto [file, line] = place_after(" at ");
            auto text = line_of_text(content_of(file), line);
            text.replace(text.find("=reset"), 6, "=ignore");
            changes[file].written[line] = text;
        } else if (said.find(" in the control at ") != std::string::npos) {
            const auto [file, line] = place_after(" at ");
            changes[file].written[line] = with_action(line_of_text(content_of(file), line), quoted_in(said));
        } else if (said.starts_with("write ")) {
            const auto [file, line] = place_after(" at ");
            changes[file].written[line] = quoted_in(said);
        } else if (said.starts_with("add the line ")) {
            const auto [file, line] = place_after(" after ");
            changes[file].after[line].push_back(quoted_in(said));
        } else if (said.starts_with("move the line `")) {
            const auto from = place_after("` from ");
            const bool to_top = said.find(" to the top of ") != std::string::npos;
            const auto to = to_top ? std::pair(from.first, first_auth_line(from.first) - 1)
                                   : place_after(" right after ");
            changes[to.first].after[to.second].push_back(quoted_in(said));
            changes[from.first].away.insert(from.second);
        } else if (said.starts_with("move the line to ")) {
            const auto [file, line] = said.ends_with("behind that") ? last : place_after("right after ");
            changes[file].after[line].push_back(line_of_text(content_of(ours.file), ours.line));
            changes[ours.file].away.insert(ours.line);
        } else if (said.starts_with("put the line ")) {
            const auto [file, line] = place_after("before ");
            changes[file].after[line - 1].push_back(quoted_in(said));
        } else {
            const bool asks_for_nothing =
                said.starts_with("every service") || said.starts_with("who isn't enrolled");
            claim(asks_for_nothing, "it can be followed: " + said);
        }
    }
    return changes;
}

std::string after_change(const std::string& content, const FileChange& change) {
    std::istringstream text(content);
    std::string changed;
    int number = 0;
    const auto add = [&] {
        const auto found = change.after.find(number);
        if (found == change.after.end()) return;
        for (const auto& line : found->second) changed += line + "\n";
    };
    add();
    for (std::string line; std::getline(text, line);) {
        const auto written = change.written.find(++number);
        if (!change.away.contains(number))
            changed += (written == change.written.end() ? line : written->second) + "\n";
        add();
    }
    return changed;
}

/// The case with all that was said done to its files.
Examination examined_when_followed(const StackCase& each, const CheckFinding& finding) {
    const TemporaryDirectory copy;
    auto changed = each;
    changed.directory = copy.path();
    fs::copy(each.directory, copy.path(), fs::copy_options::recursive);
    for (const auto& [file, change] : changes_in(finding.change.english(), finding.place)) {
        const auto text = after_change(content_of(file), change);
        write_file(copy.path() / fs::relative(file, each.directory), text);
    }
    return examined(changed);
}

/// `follow` for each finding of a kind; how many there are.
int follow_all(std::string_view kind,
               const std::function<void(const StackCase&, const CheckFinding&, const Examination&)>& follow) {
    int followed = 0;
    for (const auto& each : stack_cases()) {
        for (const auto& finding : examined(each).findings) {
            if (finding.kind != kind) continue;
            follow(each, finding, examined_when_followed(each, finding));
            ++followed;
        }
    }
    return followed;
}

void who_follows_the_change_of_an_order_has_nothing_left_to_change(void**) {
    const int followed =
        follow_all("asked_first", [](const auto& each, const auto& finding, const auto& then) {
            for (const auto& left : then.findings) {
                const bool is_of_another = left.severity != Severity::fault || left.kind == "account_missing";
                claim(left.kind != "asked_first" && is_of_another,
                      each.name + " then has " + left.kind + " by: " + finding.change.english());
            }
        });
    claim(followed >= 10, "there were some");
}

void is_closed(const StackCase& each, const CheckFinding& finding, const Examination& then) {
    const bool is_closed = then.protection == Protection::proven || then.protection == Protection::exempt;
    std::string faults;
    for (const auto& left : then.findings) {
        const bool is_of_another = left.severity != Severity::fault || left.kind == "module_missing";
        if (!is_of_another) faults += left.kind + " ";
    }
    claim(is_closed && faults.empty(), each.name + " then is " + std::string(name_of(then.protection)) + " " +
                                           faults + "by: " + finding.change.english());
}

void who_follows_the_change_against_a_bypass_has_closed_it(void**) {
    claim(follow_all("bypass", is_closed) >= 15, "there were some");
}

void who_adds_our_line_as_told_is_asked_for_a_code(void**) {
    claim(follow_all("no_code", is_closed) >= 4, "there were some");
}

// ---- a long stack

/// `lines` modules that may answer anything and are looked at in every way, then ours.
Stack long_stack(std::size_t lines) {
    StackLine line;
    line.control = parse_control("success=ok ignore=1 auth_err=bad new_authtok_reqd=reset default=ignore");
    line.module = "pam_other.so";
    return Stack(lines, line);
}

void a_hundred_lines_are_proven_at_once(void**) {
    auto stack = long_stack(100);
    stack.push_back(stack.back());
    stack.back().control = parse_control("required");
    std::vector<Player> players(stack.size(), {Codes().set()});
    players.back().answers.reset(PAM_SUCCESS).reset(PAM_IGNORE);
    const auto way = find_way(stack, players, players);
    claim(way.has_value(), "the last line but one can jump over ours");
    stack.push_back(stack.back());
    players.push_back(players.back());
    claim(!find_way(stack, players, players), "nobody jumps over two");
}

}  // namespace
}  // namespace totp

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(totp::every_stack_of_the_corpus_is_judged_as_expected),
        cmocka_unit_test(totp::every_fault_says_where_it_is_and_what_to_change),
        cmocka_unit_test(totp::says_the_exact_line_to_write),
        cmocka_unit_test(totp::who_follows_the_change_of_an_order_has_nothing_left_to_change),
        cmocka_unit_test(totp::who_follows_the_change_against_a_bypass_has_closed_it),
        cmocka_unit_test(totp::who_adds_our_line_as_told_is_asked_for_a_code),
        cmocka_unit_test(totp::a_hundred_lines_are_proven_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
