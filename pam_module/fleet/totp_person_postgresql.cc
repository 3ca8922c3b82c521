// The helper by which people change, for totp-enroll, what a fleet's database has of them: of whoever runs
// it, and of nobody else. Setgid, so that it can read the host's private key; trusts nothing from its caller
// but the orders on stdin. Takes no statement but those that stand here.
//
// Who is asking proves nothing to the database, for the host may be stolen: a code does, which the database
// has accepted. Its nonce stands for it, and never leaves this process.
#include <cstdlib>

#include <syslog.h>
#include <unistd.h>

#include "core/privilege.h"
#include "pam_module/checker.h"
#include "pam_module/fleet/identity.h"
#include "pam_module/fleet/inquiry.h"
#include "pam_module/fleet/line.h"
#include "pam_module/fleet/order_loop.h"
#include "pam_module/fleet/orders.h"

namespace {

using namespace totp;

constexpr const char* program = "totp_person_postgresql";

/// For whoever asks; $1 is the account. `enquire` is answered by "enrolled", "unenrolled", or "nobody" where
/// people change nothing from this host.
constexpr KnownOrder by_name[] = {
    {"enquire",
     "SELECT CASE WHEN pg_catalog.has_function_privilege('totp.my_status(bytea)', 'EXECUTE') "
     "THEN (SELECT verdict FROM totp.verify($1::text, NULL, NULL, NULL, NULL)) ELSE 'nobody' END",
     0},
    {"enrol",
     "SELECT totp.enrol_myself_with_codes($1::text, $2::text, $3::text, decode($4::text, 'hex'), $5::text, "
     "lower($6::text), $7::int, $8::int, $9::bigint, $10::text, $11::int)",
     10, 0b101},
    {"takes_token", "SELECT totp.takes_token($1::text, $2::text)", 1, 0b1},
};

/// For who has passed; $1 is the nonce.
constexpr KnownOrder by_code[] = {
    {"add_device",
     "SELECT totp.add_my_device(decode($1::text, 'hex'), $2::text, decode($3::text, 'hex'), $9::text, "
     "$4::text, lower($5::text), $6::int, $7::int, $8::bigint)",
     8, 0b10},
    {"new_recovery_codes", "SELECT totp.my_new_recovery_codes(decode($1::text, 'hex'), $2::int)", 1},
    {"remove", "SELECT totp.remove_myself(decode($1::text, 'hex'))", 0},
    {"remove_device", "SELECT totp.remove_my_device(decode($1::text, 'hex'), $2::text, $3::boolean)", 2},
    {"status", "SELECT totp.my_status(decode($1::text, 'hex'))", 0},
    {"unlock", "SELECT totp.unlock_myself(decode($1::text, 'hex'))", 0},
};

std::optional<SecretBytes> value_of(std::string_view text) { return SecretBytes(text); }

class Person : public Obeying {
  public:
    Person(Subject subject, Result<Settings> settings)
        : subject_(std::move(subject)), line_(std::move(settings), for_host) {}

    Result<Values> obey(const Order& order) override;
    void rest() override { line_.hang_up(); }

  private:
    /// What stands for a code that was accepted.
    struct Proof {
        std::string nonce;
        Deadline good;  ///< a little shorter than the database keeps it
    };

    Result<Values> prove(const SecretBytes& response);
    Result<Values> obey_by_code(const Order& order);
    Answer answer_to(const Result<Inquiry>& inquiry);

    Subject subject_;
    Line line_;
    std::optional<Proof> proof_;
};

Answer Person::answer_to(const Result<Inquiry>& inquiry) {
    if (!inquiry) return outcome_of(inquiry.failure());
    const auto connections = line_.connections();
    return connections ? answer_by(**connections, *inquiry) : outcome_of(connections.failure());
}

/// The verdict, and of a throttled one after how many seconds it is worth another try, if ever.
Result<Values> Person::prove(const SecretBytes& response) {
    constexpr std::chrono::seconds good{590};
    proof_.reset();
    const auto inquiry = inquiry_about(subject_, {Question::About::response, response, {}});
    const auto outcome = std::get<Outcome>(answer_to(inquiry));
    log_outcome(program, subject_, outcome);
    if (outcome.verdict == Verdict::unavailable) return Failure{Trouble::store, outcome.explanation};
    if (is_let_in(outcome)) proof_ = {inquiry->nonce, Deadline(good)};
    return Values{value_of(word_for(outcome.verdict)),
                  outcome.retry_in ? value_of(std::to_string(*outcome.retry_in)) : std::nullopt};
}

Result<Values> Person::obey_by_code(const Order& order) {
    if (!proof_) return Failure{Trouble::input, "a code must be accepted before"};
    if (proof_->good.is_over())
        return Failure{Trouble::input, "the code was accepted ten minutes ago: begin again"};
    const auto statement = statement_of(order, by_code, {{value_of(proof_->nonce), true}});
    return statement ? line_.run(*statement) : unknown_order();
}

Result<Values> Person::obey(const Order& order) {
    if (!can_borrow_group()) return without_group(Trouble::key, PAM_TOTP_PERSON_POSTGRESQL);
    const BorrowedGroup group;
    const auto& [word, values] = order;
    if (word == "prove" && values.size() == 1 && values.front()) return prove(*values.front());
    const auto statement = statement_of(order, by_name, {{value_of(subject_.account->name)}});
    return statement ? line_.run(*statement) : obey_by_code(order);
}

}  // namespace

int main(int count, char** /*words*/) {
    openlog(program, LOG_PID, LOG_AUTHPRIV);
    if (getuid() == 0 || count > 1 || !distrust_caller()) {
        syslog(LOG_ERR, "pam_totp(%s): can't run like this: it must be root:_totp 2755, and isn't for root",
               program);
        return 1;
    }
    clearenv();
    setsid();  // no key at totp-enroll's terminal ends an order that it lets be finished
    auto subject = subject_of_caller(service_at_home);
    if (!subject.account) return 1;
    Person person(std::move(subject),
                  read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0}));
    return answer_orders(person);
}
