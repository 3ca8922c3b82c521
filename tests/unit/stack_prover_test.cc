// The corpus in tests/stacks as its `expected` files have it. tests/pam/stack_truth_test holds those against
// libpam.
#include "enroll/doctor/stack_prover.h"

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
    assert_text(change_for("debian_optional"), "write `auth required pam_totp.so` in its place");
    const auto sufficient = change_for("rhel_7_after_sufficient");
    claim(sufficient.starts_with(
              "write `auth [success=3 default=ignore] pam_unix.so nullok try_first_pass` in its "
              "place, so that it leads to "),
          sufficient);
    const auto jump = change_for("debian_jumped_over");
    claim(jump.starts_with("move the line `auth required pam_totp.so` from ") &&
              jump.ends_with("common-auth:10"),
          jump);
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
        cmocka_unit_test(totp::a_hundred_lines_are_proven_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
