// The helper that changes a fleet's database for totp-enroll: for root, by an administrator's certificate.
// Takes no statement but those that stand here.
//
//     totp_administer_postgresql [FILE]    FILE: a settings file in place of those at their places
#include <cstdlib>

#include <unistd.h>

#include "core/privilege.h"
#include "pam_module/fleet/identity.h"
#include "pam_module/fleet/line.h"
#include "pam_module/fleet/order_loop.h"
#include "pam_module/fleet/orders.h"

namespace {

using namespace totp;

constexpr KnownOrder known[] = {
    {"add_device",
     "SELECT totp.add_device($1::text, $2::text, decode($3::text, 'hex'), $4::text, lower($5::text), "
     "$6::int, $7::int, $8::bigint, $9::text)",
     9, 0b100},
    {"adopt", "SELECT totp.adopt($1::text, $2::jsonb, $3::text, $4::boolean)", 4, 0b10},
    {"allow_enrolment", "SELECT totp.allow_enrolment($1::text, make_interval(secs => $2::int))", 2},
    {"enrol", "SELECT totp.enrol($1::text, $2::text, decode($3::text, 'hex'), $4::text[])", 4, 0b100},
    {"enrol_with_codes",
     "SELECT totp.enrol_with_codes($1::text, $2::text, decode($3::text, 'hex'), $4::text, lower($5::text), "
     "$6::int, $7::int, $8::bigint, $9::text, $10::int)",
     10, 0b100},
    {"has_device", "SELECT totp.has_device($1::text, $2::text)", 2},
    {"new_recovery_codes", "SELECT totp.new_recovery_codes($1::text, $2::int)", 2},
    {"one_more_recovery_code", "SELECT totp.one_more_recovery_code($1::text, make_interval(secs => $2::int))",
     2},
    {"remove", "SELECT totp.remove($1::text)", 1},
    {"remove_device", "SELECT totp.remove_device($1::text, $2::text, $3::boolean)", 3},
    {"status", "SELECT totp.status($1::text)", 1},
    {"statuses", "SELECT totp.statuses($1::text, $2::int)", 2},
    {"unlock", "SELECT totp.unlock($1::text)", 1},
};

class Administrator : public Obeying {
  public:
    explicit Administrator(Result<Settings> settings) : line_(std::move(settings), for_administrator) {}

    Result<Values> obey(const Order& order) override {
        const auto statement = statement_of(order, known);
        return statement ? line_.run(*statement) : unknown_order();
    }
    void rest() override { line_.hang_up(); }

  private:
    Line line_;
};

Result<Settings> settings_in(const std::string& file) {
    return file.empty() ? read_settings({PAM_TOTP_VENDOR_DIRECTORY, PAM_TOTP_SETTINGS_DIRECTORY, 0})
                        : read_settings_file(file, 0);
}

}  // namespace

int main(int count, char** words) {
    if (getuid() != 0 || count > 2 || !distrust_caller()) return 1;
    clearenv();
    setsid();  // no key at totp-enroll's terminal ends an order that it lets be finished
    Administrator administrator(settings_in(count == 2 ? words[1] : ""));
    return answer_orders(administrator);
}
