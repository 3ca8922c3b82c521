// Whoever answers for an account that isn't enrolled, or isn't there, gets what a wrong code gets, and the
// module does what it does for one: the same system calls, as many hashes. (What is shown at the prompt is in
// the dialogues. What it all comes to in time is a figure, not a test: tests/bench/answer_time.)
#include <filesystem>
#include <map>

#include <sys/resource.h>

#include "core/recovery.h"
#include "tests/faults/faults.h"
#include "tests/pam/guest.h"

namespace {

using Calls = std::map<std::string, int>;  ///< how often each is made

/// What came of a login, and what it cost.
struct Seen {
    int code = 0;
    Calls calls;
    std::size_t allocations = 0;  ///< crypt(3)'s grow with what is hashed
};

/// alice is enrolled; carol has an account; mallory has none.
class House {
  public:
    House() : stage_(stage::never_throttled) {
        std::string text = stage::device_line;
        const auto codes = totp::new_recovery_codes(totp::usual_recovery_codes);
        for (const auto& code : codes->hashes) text += "recovery " + code.hash + "\n";
        stage_.enrol(text);
        stage::set_clock(guest::start_of_time);
    }

    Seen log_in(const char* user, const std::string& answer) const {
        counted(user, answer, {});  // the first one loads and learns
        Seen seen;
        const auto calls = counted(user, answer, {}, &seen.code);
        for (const std::string call : calls) ++seen.calls[call];
        seen.allocations = counted(user, answer, {.is_in_memory = true}).size();
        return seen;
    }

    std::filesystem::path nobodys_state() const { return stage_.state_file().parent_path() / ".nobody"; }

  private:
    std::vector<const char*> counted(const char* user, const std::string& answer, const faults::Fault& what,
                                     int* code = nullptr) const {
        guest::Transaction transaction(guest::services_of(stage_), guest::answer(answer), guest::home, user);
        faults::begin(what);
        const int result = transaction.authenticate();
        auto calls = faults::end();
        if (code != nullptr) *code = result;
        stage::take_log();
        return calls;
    }

    stage::Stage stage_;
};

const std::pair<const char*, std::string> answers[] = {
    {"a code", stage::wrong_code(guest::start_of_time)},
    {"a recovery code", "ABCD-EFGH-JKMN-PQRS"},
    {"nonsense", "correct horse battery staple"},
    {"nothing", ""},
    {"what sshd answers for nobody", "\b\n\r\177INCORRECT"},
};

/// Whoever has an account is looked for first: three directories and two records that aren't there.
Calls with_search(Calls calls) {
    calls["openat"] += 5;
    calls["fstat"] += 3;
    return calls;
}

std::string text_of(const Calls& calls) {
    std::string text;
    for (const auto& [name, count] : calls) text += " " + name + ":" + std::to_string(count);
    return text;
}

void claim_alike(const std::string& what, const Seen& stranger, const Seen& wrong, const Calls& expected) {
    constexpr int most_more = 32;  // of about 330, most of them for the hashes
    claim(stranger.code == wrong.code, what + ": the same code of PAM");
    claim(stranger.calls == expected, what + ":" + text_of(stranger.calls) + ", not" + text_of(expected));
    const auto more = static_cast<int>(stranger.allocations) - static_cast<int>(wrong.allocations);
    claim(std::abs(more) <= most_more, what + ": " + std::to_string(more) + " more allocations");
}

void strangers_are_refused_as_a_wrong_code_is(void**) {
    const House house;
    for (const auto& [what, answer] : answers) {
        const auto wrong = house.log_in("alice", answer);
        claim_alike(std::string(what) + ", unenrolled", house.log_in("carol", answer), wrong,
                    with_search(wrong.calls));
        claim_alike(std::string(what) + ", unknown", house.log_in("mallory", answer), wrong, wrong.calls);
    }
}

/// Where a wrong code can't be counted it is unavailable; so is a stranger's.
void strangers_are_unavailable_where_a_wrong_code_is(void**) {
    const House house;
    struct rlimit before {};
    getrlimit(RLIMIT_FSIZE, &before);
    const struct rlimit nothing { 0, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &nothing);
    for (const char* user : {"alice", "carol", "mallory"})
        claim(house.log_in(user, answers[0].second).code == PAM_AUTHINFO_UNAVAIL, user);
    setrlimit(RLIMIT_FSIZE, &before);
}

/// Nobody's records are a disguise and no more.
void strangers_are_refused_where_nobodys_records_are_lost(void**) {
    const House house;
    std::filesystem::remove(house.nobodys_state());
    for (const char* user : {"carol", "mallory"})
        claim(house.log_in(user, answers[0].second).code == PAM_AUTH_ERR, user);
}

}  // namespace

int main() {
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_refused_as_a_wrong_code_is),
        cmocka_unit_test(strangers_are_unavailable_where_a_wrong_code_is),
        cmocka_unit_test(strangers_are_refused_where_nobodys_records_are_lost),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
