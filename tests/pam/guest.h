// Logins of alice's in a host that may do anything while it is asked for the code, and child processes for
// hosts that don't come back as they were.
#pragma once

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include <pthread.h>
#include <security/pam_appl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/pam/stage.h"

namespace guest {

inline constexpr totp::UnixTime start_of_time = 1'111'111'110;
inline constexpr totp::UnixTime between_logins = 900;
inline constexpr const char* home = "192.0.2.7";

/// What the host does when it is asked for the code; it returns the answer.
using AtPrompt = std::function<std::string()>;

inline AtPrompt answer(const std::string& text) {
    return [text] { return text; };
}

inline int converse(int, const pam_message** messages, pam_response** responses, void* at_prompt) {
    const bool is_asked = messages[0]->msg_style == PAM_PROMPT_ECHO_OFF;
    const auto text = is_asked ? (*static_cast<const AtPrompt*>(at_prompt))() : "";
    *responses = static_cast<pam_response*>(std::calloc(1, sizeof(pam_response)));
    if (is_asked) (*responses)->resp = strdup(text.c_str());
    return PAM_SUCCESS;
}

/// One PAM transaction. `services` is the stage's pam.d.
class Transaction {
  public:
    Transaction(const std::filesystem::path& services, AtPrompt at_prompt, const char* remote_host = home,
                const char* user = "alice")
        : at_prompt_(std::move(at_prompt)) {
        const pam_conv conversation{converse, &at_prompt_};
        if (pam_start_confdir(stage::service, user, &conversation, services.c_str(), &pamh_) != PAM_SUCCESS)
            std::abort();
        pam_set_item(pamh_, PAM_RHOST, remote_host);
    }
    /// Not to be interrupted, as any destructor, where the thread was cancelled meanwhile.
    ~Transaction() {
        int state = 0;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        pam_end(pamh_, PAM_SUCCESS);
        pthread_setcancelstate(state, nullptr);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    int authenticate() { return pam_authenticate(pamh_, 0); }

  private:
    AtPrompt at_prompt_;
    pam_handle_t* pamh_ = nullptr;
};

inline std::filesystem::path services_of(const stage::Stage& stage) { return stage.directory() / "pam.d"; }

inline int log_in(const stage::Stage& stage, AtPrompt at_prompt, const char* remote_host = home) {
    return Transaction(services_of(stage), std::move(at_prompt), remote_host).authenticate();
}

inline constexpr unsigned seconds_until_stuck = 300;

/// How `body` ends in a process of its own: what it returns, or 256 and the number of the signal it died of.
inline int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(seconds_until_stuck);
        for (const int fatal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
            signal(fatal, SIG_DFL);  // not CMocka's
        _exit(body());
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace guest
