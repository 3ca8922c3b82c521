// Many processes at the prompt of one account, let go at the same moment: what one lock and one durable count
// must make of it. The module, libpam and the files are real; only the clock is the test's.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <vector>

#include <pthread.h>
#include <security/pam_appl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/otp.h"
#include "core/random.h"
#include "core/recovery.h"
#include "tests/cmocka.h"
#include "tests/pam/stage.h"

namespace {

namespace fs = std::filesystem;

constexpr int rounds = PAM_TOTP_RACE_ROUNDS;
constexpr std::size_t most_sessions = 128;
constexpr totp::UnixTime start_of_time = 1'111'111'110;
constexpr unsigned seconds_until_stuck = 300;

/// What the processes share.
struct Round {
    pthread_barrier_t everybody_is_ready;
    pthread_barrier_t everybody_is_at_the_prompt;
    pthread_barrier_t everybody_is_done;
    totp::UnixTime now;
    bool is_over;
    char answers[most_sessions][32];
    int codes[most_sessions];
};

/// `count` processes, each in a loop of: wait, start an authentication, wait at the prompt until all are
/// there, answer, note the PAM code.
class Crowd {
  public:
    Crowd(const stage::Stage& stage, std::size_t count);
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    /// One round in which session i answers answers(i); what each was told.
    std::vector<int> answer_at_once(totp::UnixTime now,
                                    const std::function<std::string(std::size_t)>& answers);

  private:
    [[noreturn]] void attend(const std::string& directory, std::size_t self);
    int authenticate(const std::string& directory, std::size_t self);

    std::size_t count_;
    Round* round_;
    std::vector<pid_t> sessions_;
};

void share(pthread_barrier_t& barrier, std::size_t parties) {
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&barrier, &attributes, static_cast<unsigned>(parties));
    pthread_barrierattr_destroy(&attributes);
}

Crowd::Crowd(const stage::Stage& stage, std::size_t count) : count_(count) {
    void* memory = mmap(nullptr, sizeof(Round), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    round_ = new (memory) Round{};
    share(round_->everybody_is_ready, count + 1);
    share(round_->everybody_is_at_the_prompt, count);
    share(round_->everybody_is_done, count + 1);
    for (std::size_t self = 0; self < count; ++self) {
        const pid_t pid = fork();
        if (pid == 0) attend((stage.directory() / "pam.d").string(), self);
        sessions_.push_back(pid);
    }
}

Crowd::~Crowd() {
    round_->is_over = true;
    pthread_barrier_wait(&round_->everybody_is_ready);
    for (const pid_t session : sessions_) waitpid(session, nullptr, 0);
    munmap(round_, sizeof(Round));
}

void Crowd::attend(const std::string& directory, std::size_t self) {
    for (;;) {
        alarm(seconds_until_stuck);  // a lock held while a person types would stop everybody
        pthread_barrier_wait(&round_->everybody_is_ready);
        if (round_->is_over) _exit(0);
        stage::set_clock(round_->now);
        round_->codes[self] = authenticate(directory, self);
        stage::take_log();
        pthread_barrier_wait(&round_->everybody_is_done);
    }
}

/// The application's side of one session: it answers a prompt when all the others can too.
struct Session {
    Round* round;
    std::size_t self;

    static int converse(int, const pam_message** messages, pam_response** responses, void* session) {
        auto& [round, self] = *static_cast<Session*>(session);
        *responses = static_cast<pam_response*>(std::calloc(1, sizeof(pam_response)));
        if (messages[0]->msg_style != PAM_PROMPT_ECHO_OFF) return PAM_SUCCESS;
        pthread_barrier_wait(&round->everybody_is_at_the_prompt);
        (*responses)->resp = strdup(round->answers[self]);
        return PAM_SUCCESS;
    }
};

int Crowd::authenticate(const std::string& directory, std::size_t self) {
    Session session{round_, self};
    const pam_conv conversation{Session::converse, &session};
    pam_handle_t* pamh = nullptr;
    if (pam_start_confdir(stage::service, "alice", &conversation, directory.c_str(), &pamh) != PAM_SUCCESS)
        _exit(1);
    pam_set_item(pamh, PAM_RHOST, "192.0.2.7");
    const int code = pam_authenticate(pamh, 0);
    pam_end(pamh, code);
    return code;
}

std::vector<int> Crowd::answer_at_once(totp::UnixTime now,
                                       const std::function<std::string(std::size_t)>& answers) {
    round_->now = now;
    for (std::size_t i = 0; i < count_; ++i) std::strcpy(round_->answers[i], answers(i).c_str());
    pthread_barrier_wait(&round_->everybody_is_ready);
    pthread_barrier_wait(&round_->everybody_is_done);
    return {round_->codes, round_->codes + count_};
}

/// How many of the sessions got in; the others must have been refused and nothing else.
long accepted(const std::vector<int>& codes) {
    const auto refused = std::ranges::count(codes, PAM_AUTH_ERR);
    const auto in = std::ranges::count(codes, PAM_SUCCESS);
    assert_int_equal(in + refused, codes.size());
    return in;
}

void one_code_lets_one_of_32_sessions_in(void**) {
    const stage::Stage stage(stage::never_throttled);
    stage.enrol(stage::device_line);
    Crowd crowd(stage, 32);
    for (int round = 0; round < rounds; ++round) {
        const auto now = start_of_time + round * 900;
        const auto code = stage::right_code(now);
        assert_int_equal(accepted(crowd.answer_at_once(now, [&](std::size_t) { return code; })), 1);
    }
    count_cases(rounds);
}

void one_recovery_code_lets_one_of_32_sessions_in(void**) {
    const stage::Stage stage(stage::never_throttled);
    Crowd crowd(stage, 32);
    auto now = start_of_time;
    for (int round = 0; round < rounds; ++round, now += 900) {
        static totp::RecoverySet set;
        const auto index = static_cast<std::size_t>(round) % totp::maximum_recovery_codes;
        if (index == 0) {
            set = *totp::new_recovery_codes(totp::maximum_recovery_codes);
            std::string enrolment = stage::device_line;
            for (const auto& code : set.hashes) enrolment += "recovery " + code.hash + "\n";
            stage.enrol(enrolment);
        }
        const std::string code(set.codes[index].text());
        assert_int_equal(accepted(crowd.answer_at_once(now, [&](std::size_t) { return code; })), 1);
    }
    count_cases(rounds);
}

/// A process that changes alice's enrolment again and again, as totp-enroll does, for as long as this lives:
/// a device comes and goes, recovery codes are made, and the enrolment's file is put there anew, as a
/// deployment does.
class Meddler {
  public:
    explicit Meddler(const stage::Stage& stage) : process_(fork()) {
        if (process_ != 0) return;
        for (int turn = 0;; ++turn, usleep(5'000)) meddle(stage, turn);  // others want the lock too
    }
    ~Meddler() {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
    bool is_at_it() const { return waitpid(process_, nullptr, WNOHANG) == 0; }
    Meddler(const Meddler&) = delete;
    Meddler& operator=(const Meddler&) = delete;

  private:
    static void meddle(const stage::Stage& stage, int turn) {
        const auto file = stage.directory() / "store/enrolled/alice";
        auto store = stage.store();
        const auto held = store.hold(stage::alice(), totp::HoldFor::change);
        if (!held) _exit(1);
        auto enrolment = *(*held)->enrolment();
        auto state = totp::without_strangers((*held)->state(), enrolment);
        if (enrolment.devices.size() == 1) {
            const totp::Device tablet("tablet", {.secret = *totp::random_bytes(20)});
            enrolment.devices.push_back(tablet);
            state.devices.push_back({.id = tablet.id, .next = 0});
        } else {
            enrolment.devices.pop_back();
        }
        if (turn % 8 == 0) enrolment.recovery = totp::new_recovery_codes(1)->hashes;
        if (!(*held)->enrol(enrolment, std::move(state))) _exit(1);
        fs::copy_file(file, file.string() + ".deployed", fs::copy_options::overwrite_existing);
        fs::rename(file.string() + ".deployed", file);
    }

    pid_t process_;
};

totp::Counter next_of_phone(const stage::Stage& stage) {
    auto store = stage.store();
    const auto held = store.hold(stage::alice(), totp::HoldFor::login);
    assert_true(static_cast<bool>(held));
    return (*held)->state().devices.front().next.value();
}

void one_code_lets_one_in_while_the_enrolment_is_changed(void**) {
    const stage::Stage stage(stage::never_throttled);
    stage.enrol(stage::device_line);
    Crowd crowd(stage, 8);
    const Meddler meddler(stage);
    for (int round = 0; round < rounds / 5; ++round) {
        const auto now = start_of_time + round * 900;
        const auto code = stage::right_code(now);
        assert_int_equal(accepted(crowd.answer_at_once(now, [&](std::size_t) { return code; })), 1);
        assert_int_equal(next_of_phone(stage), totp::time_step(now, 30) + 1);
    }
    count_cases(rounds / 5);
    assert_true(meddler.is_at_it());
}

void guess_at_once(std::size_t sessions) {
    const stage::Stage stage("");
    stage.enrol(stage::device_line);
    const auto guess = [](std::size_t i) { return std::to_string(900'000 + i); };
    const auto codes = Crowd(stage, sessions).answer_at_once(start_of_time, guess);
    assert_int_equal(std::ranges::count(codes, PAM_AUTH_ERR), 5);
    assert_int_equal(std::ranges::count(codes, PAM_MAXTRIES), sessions - 5);
}

void five_guesses_of_40_sessions_are_evaluated(void**) { guess_at_once(40); }
void five_guesses_of_128_sessions_are_evaluated(void**) { guess_at_once(128); }

/// The right code among the guesses may be one of the five that are evaluated, and then only it gets in.
void no_more_guesses_are_evaluated_when_one_is_right(void**) {
    const stage::Stage stage("");
    stage.enrol(stage::device_line);
    Crowd crowd(stage, 40);
    const auto codes = crowd.answer_at_once(start_of_time, [](std::size_t i) {
        return i == 0 ? stage::right_code(start_of_time) : std::to_string(900'000 + i);
    });
    assert_true(std::ranges::count(codes, PAM_SUCCESS) <= 1);
    assert_true(std::ranges::count(codes, PAM_AUTH_ERR) <= 10);  // a success opens a side of its own
}

}  // namespace

/// `race_test PATTERN` runs the tests of that name alone.
int main(int count, char* arguments[]) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    stage::begin_as_ordinary_user();
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_code_lets_one_of_32_sessions_in),
        cmocka_unit_test(one_recovery_code_lets_one_of_32_sessions_in),
        cmocka_unit_test(one_code_lets_one_in_while_the_enrolment_is_changed),
        cmocka_unit_test(five_guesses_of_40_sessions_are_evaluated),
        cmocka_unit_test(five_guesses_of_128_sessions_are_evaluated),
        cmocka_unit_test(no_more_guesses_are_evaluated_when_one_is_right),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
