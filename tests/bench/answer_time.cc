// answer_time [LOGINS]: how long an answer takes to be refused, for an account that is enrolled, one that
// isn't and a name that is none, each so often and in random order; the real module, its store under /tmp. As
// dudect does (Reparaz, Balasch, Verbauwhede 2017) each is held against the wrong code by Welch's t, of all
// times and of the lower nine tenths, where the disk's own hiccups are left out. Below 4.5 two of them can't
// be told apart by so many logins. The wrong code stands there twice, to show what is noise.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "core/recovery.h"
#include "tests/pam/guest.h"

namespace {

struct Kind {
    const char* name;
    const char* user;
    std::vector<double> microseconds = {};
};

double mean(const std::vector<double>& times) {
    double sum = 0;
    for (const double time : times) sum += time;
    return sum / static_cast<double>(times.size());
}

double variance(const std::vector<double>& times) {
    const double middle = mean(times);
    double sum = 0;
    for (const double time : times) sum += (time - middle) * (time - middle);
    return sum / static_cast<double>(times.size() - 1);
}

double welchs_t(const std::vector<double>& one, const std::vector<double>& other) {
    const auto share = [](const auto& times) { return variance(times) / static_cast<double>(times.size()); };
    return (mean(one) - mean(other)) / std::sqrt(share(one) + share(other));
}

/// `times` are in order.
std::vector<double> lower_nine_tenths(std::vector<double> times) {
    times.resize(times.size() * 9 / 10);
    return times;
}

double median(const std::vector<double>& times) { return times[times.size() / 2]; }

/// Else the enrolled account would have to wait in the end.
void forgive(const stage::Stage& stage) {
    auto store = stage.store();
    auto state = (*store.hold(stage::alice(), totp::HoldFor::login))->state();
    state.known = state.elsewhere = {};
    stage.write_state(state);
}

double time_of_login(const stage::Stage& stage, const char* user, const std::string& answer) {
    guest::Transaction transaction(guest::services_of(stage), guest::answer(answer), guest::home, user);
    const auto begin = std::chrono::steady_clock::now();
    transaction.authenticate();
    const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - begin;
    stage::take_log();
    return passed.count();
}

void measure(const stage::Stage& stage, const char* what, const std::string& answer, std::size_t logins) {
    Kind kinds[] = {{"enrolled", "alice"},
                    {"enrolled, again", "alice"},
                    {"not enrolled", "carol"},
                    {"unknown", "mallory"}};
    std::minstd_rand chance(1);
    std::vector<Kind*> order;
    for (auto& kind : kinds) order.insert(order.end(), logins, &kind);
    std::ranges::shuffle(order, chance);
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i % 1'000 == 0) forgive(stage);
        order[i]->microseconds.push_back(time_of_login(stage, order[i]->user, answer));
    }
    for (auto& kind : kinds) std::ranges::sort(kind.microseconds);

    std::printf("%s, %zu logins each\n  %-16s %10s %10s %12s\n", what, logins, "", "median", "t",
                "t of 9/10");
    const auto& wrong = kinds[0].microseconds;
    for (const auto& kind : kinds) {
        std::printf("  %-16s %7.1f us %10.1f %12.1f\n", kind.name, median(kind.microseconds),
                    welchs_t(kind.microseconds, wrong),
                    welchs_t(lower_nine_tenths(kind.microseconds), lower_nine_tenths(wrong)));
    }
}

}  // namespace

int main(int count, char* arguments[]) {
    const std::size_t logins = count > 1 ? std::stoul(arguments[1]) : 1'000;
    stage::begin_as_ordinary_user();
    const stage::Stage stage(stage::never_throttled);
    const auto codes = totp::new_recovery_codes(totp::usual_recovery_codes);
    std::string enrolment = stage::device_line;
    for (const auto& code : codes->hashes) enrolment += "recovery " + code.hash + "\n";
    stage.enrol(enrolment);
    stage::set_clock(guest::start_of_time);
    measure(stage, "a wrong code", stage::wrong_code(guest::start_of_time), logins);
    measure(stage, "a wrong recovery code", "ABCD-EFGH-JKMN-PQRS", logins);
}
