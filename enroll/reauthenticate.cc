#include "enroll/reauthenticate.h"

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sstream>
#include <vector>

#include <security/pam_appl.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/percent.h"
#include "core/shell_words.h"
#include "enroll/terminal.h"

namespace totp {
namespace {

constexpr const char* service = "totp-enroll";
constexpr const char* service_without_password = "totp-enroll-code";

// ---- the conversation

/// What libpam gets is its own to free: an answer as malloc(3) made it.
char* answer_for_pam(const SecretBytes& answer) {
    auto* text = static_cast<char*>(std::calloc(answer.size() + 1, 1));
    if (text != nullptr) std::memcpy(text, answer.data(), answer.size());
    return text;
}

bool converse(const pam_message& message, pam_response& response) {
    if (message.msg_style == PAM_TEXT_INFO || message.msg_style == PAM_ERROR_MSG) {
        complain(message.msg);
        return true;
    }
    if (message.msg_style != PAM_PROMPT_ECHO_OFF && message.msg_style != PAM_PROMPT_ECHO_ON) return false;
    const auto answer =
        ask_line(message.msg, message.msg_style == PAM_PROMPT_ECHO_OFF ? Typing::hidden : Typing::shown);
    if (!answer || answer->size() >= PAM_MAX_RESP_SIZE) return false;
    response.resp = answer_for_pam(*answer);
    return response.resp != nullptr;
}

void wipe(pam_response* responses, int count) {
    for (int i = 0; i < count; ++i) {
        if (responses[i].resp == nullptr) continue;
        explicit_bzero(responses[i].resp, std::strlen(responses[i].resp));
        std::free(responses[i].resp);
    }
    std::free(responses);
}

/// Called by libpam, which must see no exception. `nobody_answered` is a bool: modules make of it what they
/// like.
int converse_all(int count, const pam_message** messages, pam_response** responses,
                 void* nobody_answered) try {
    if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
    auto* all =
        static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    if (all == nullptr) return PAM_BUF_ERR;
    bool is_answered = true;
    for (int i = 0; i < count && is_answered; ++i) is_answered = converse(*messages[i], all[i]);
    if (is_answered) {
        *responses = all;
        return PAM_SUCCESS;
    }
    wipe(all, count);
    *static_cast<bool*>(nobody_answered) = true;
    return PAM_CONV_ERR;
} catch (...) {
    return PAM_CONV_ERR;
}

// ---- the transaction

class Transaction {
  public:
    Transaction(const char* name, const std::string& user) {
        status_ = pam_start(name, user.c_str(), &conversation_, &pamh_);
        if (status_ != PAM_SUCCESS) return;
        if (const char* terminal = ttyname(STDIN_FILENO)) pam_set_item(pamh_, PAM_TTY, terminal);
        pam_set_item(pamh_, PAM_RUSER, user.c_str());
    }
    ~Transaction() {
        if (pamh_ != nullptr) pam_end(pamh_, status_);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// The PAM code it all comes to.
    int run() {
        if (status_ == PAM_SUCCESS) status_ = pam_authenticate(pamh_, 0);
        if (status_ == PAM_SUCCESS) status_ = pam_acct_mgmt(pamh_, 0);
        return status_;
    }

    /// Whether our module was passed by a code; it says so itself.
    bool has_code(const std::string& user) const {
        const char* passed = pam_getenv(pamh_, "PAM_TOTP_PASSED");
        return passed != nullptr && passed == user;
    }
    bool was_cut_off() const { return nobody_answered_; }
    std::string explanation() const { return pam_strerror(pamh_, status_); }

  private:
    bool nobody_answered_ = false;
    pam_conv conversation_{converse_all, &nobody_answered_};
    pam_handle_t* pamh_ = nullptr;
    int status_ = PAM_SYSTEM_ERR;
};

/// Whether a success proves anything.
Result<Done> proof_of(const Transaction& transaction, const Account& account, bool is_enrolled) {
    if (!is_enrolled || transaction.has_code(account.name)) return Done{};
    return Failure{Trouble::system, tr("PAM let you pass without a code: the service %1 must end with the "
                                       "line 'auth required pam_totp.so "
                                       "once unenrolled=ignore', and nothing before it may end it early",
                                       {service})};
}

Failure refusal_of(int code, const Transaction& transaction, const Account& account) {
    const auto not_permitted = [](const Sentence& sentence) { return Failure{Trouble::caller, sentence}; };
    if (transaction.was_cut_off()) return nobody_answered();
    switch (code) {
        case PAM_MAXTRIES: return not_permitted(tr("too many wrong codes before: nothing was looked at"));
        case PAM_NEW_AUTHTOK_REQD:
            return not_permitted(tr("your password has expired: change it with passwd first"));
        case PAM_AUTHINFO_UNAVAIL:
        case PAM_ABORT:
        case PAM_SYSTEM_ERR:
        case PAM_MODULE_UNKNOWN:
            return Failure{Trouble::system,
                           tr("it can't be found out who is asking (%1): the system log says "
                              "why; the PAM service is %2",
                              {transaction.explanation(), service})};
        default:
            return not_permitted(
                tr("not recognised as %1: %2", {printable(account.name), transaction.explanation()}));
    }
}

// ---- accounts that can't give a password

/// Whether shadow's passwd(1) knows for sure that the account's password field locks it: seven fields, the
/// second being "L". Who has the password elsewhere (LDAP, Kerberos without an entry here) has two, or none.
bool has_no_unix_password(const Account& account) {
    const Program passwd{.path = "/usr/bin/passwd", .arguments = {"--status"}};
    constexpr std::size_t longest_status = 1'024;
    const auto status = answer_of(passwd, "", longest_status);
    if (!status) return false;
    std::istringstream words{std::string(status->text())};
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    return fields.size() == 7 && fields[0] == account.name && fields[1] == "L";
}

}  // namespace

Failure nobody_answered() {
    return {Trouble::caller, tr("nobody answered, so it isn't known who is asking")};
}

Result<Done> reauthenticate(const Account& account, bool is_enrolled) {
    const bool has_only_codes = has_no_unix_password(account);
    if (has_only_codes && !is_enrolled) {
        return Failure{Trouble::caller,
                       tr("your account has no password to show that it's you: your first device is added at "
                          "a login, or by the administrator (totp-enroll add --user %1)",
                          {shell_word(account.name)})};
    }
    Transaction transaction(has_only_codes ? service_without_password : service, account.name);
    const int code = transaction.run();
    if (code != PAM_SUCCESS) return refusal_of(code, transaction, account);
    return proof_of(transaction, account, is_enrolled);
}

}  // namespace totp
