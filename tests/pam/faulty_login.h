// A login of alice's in which something fails (tests/faults), and what must be true afterwards.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <security/pam_appl.h>

#include "tests/cmocka.h"
#include "tests/faults/faults.h"
#include "tests/pam/stage.h"

namespace faulty {

using stage::never_throttled;

/// What answers at the prompt; nothing fails before, where there is a fault for it.
struct Application {
    std::string answer;
    const faults::Fault* from_prompt_on = nullptr;
};

/// What answered last, as it was handed to libpam; it may be freed.
inline const char* answered = nullptr;

inline int converse(int, const pam_message** messages, pam_response** responses, void* data) {
    const auto& application = *static_cast<const Application*>(data);
    const bool is_asked = messages[0]->msg_style == PAM_PROMPT_ECHO_OFF;
    {
        const faults::Pause pause;
        *responses = static_cast<pam_response*>(std::calloc(1, sizeof(pam_response)));
        if (is_asked) answered = (*responses)->resp = strdup(application.answer.c_str());
    }
    if (is_asked && application.from_prompt_on != nullptr) faults::begin(*application.from_prompt_on);
    return PAM_SUCCESS;
}

/// Somebody whose door has a first line that lets everybody pass: so that PAM_IGNORE of ours would let them
/// in.
class Door {
  public:
    Door() : stage_(std::string(never_throttled) + " nullok", {"auth required pam_permit.so"}) {
        stage_.enrol(stage::device_line);
        pass_time();
    }

    /// What a login with this answer comes to when `fault` happens in it.
    int authenticate(const std::string& answer, const faults::Fault& fault = {}) {
        return play({answer}, &fault);
    }

    /// The same, but it happens after the prompt.
    int authenticate_and_fail_after_prompt(const std::string& answer, const faults::Fault& fault) {
        return play({answer, &fault}, nullptr);
    }

    /// The calls of the last login.
    const std::vector<const char*>& calls() const { return calls_; }

    const stage::Stage& stage() const { return stage_; }

    void pass_time() { stage::set_clock(now_ += 900); }
    totp::UnixTime now() const { return now_; }

    /// The state on disk; the enrolment must be as it was.
    totp::LoginState state() const {
        auto store = stage_.store();
        const auto held = store.hold(stage::alice(), totp::HoldFor::login);
        claim(static_cast<bool>(held), held ? "" : held.failure().message.english());
        claim((*held)->enrolment() == *totp::parse_enrolment(stage::device_line), "the enrolment is whole");
        return (*held)->state();
    }
    bool is_spent() const { return state().devices.front().next > totp::time_step(now_, 30); }

  private:
    int play(Application application, const faults::Fault* fault) {
        const pam_conv conversation{converse, &application};
        pam_handle_t* pamh = nullptr;
        const auto directory = (stage_.directory() / "pam.d").string();
        claim(pam_start_confdir(stage::service, "alice", &conversation, directory.c_str(), &pamh) ==
                  PAM_SUCCESS,
              "libpam starts");
        pam_set_item(pamh, PAM_RHOST, "192.0.2.7");
        if (fault != nullptr) faults::begin(*fault);
        const int code = pam_authenticate(pamh, 0);
        calls_ = faults::end();
        pam_end(pamh, code);
        stage::take_log();
        return code;
    }

    stage::Stage stage_;
    totp::UnixTime now_ = 1'111'111'110;
    std::vector<const char*> calls_;
};

/// After whatever happened: the code gets in if it isn't spent, and not otherwise; the next one does.
inline void claim_that_life_goes_on(Door& door, const std::string& what) {
    const bool is_spent = door.is_spent();
    const int again = door.authenticate(stage::right_code(door.now()));
    claim(again == (is_spent ? PAM_AUTH_ERR : PAM_SUCCESS), what + ": the same code again");
    door.pass_time();
    claim(door.authenticate(stage::right_code(door.now())) == PAM_SUCCESS, what + ": the next code");
    door.pass_time();
}

}  // namespace faulty
