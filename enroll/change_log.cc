#include "enroll/change_log.h"

#include <string>

#include <pwd.h>
#include <syslog.h>
#include <unistd.h>

#include "core/percent.h"

namespace totp {
namespace {

std::string_view word_for(Change change) {
    switch (change) {
        case Change::device_added: return "device_added";
        case Change::device_exported: return "device_exported";
        case Change::device_removed: return "device_removed";
        case Change::enrolment_removed: return "enrolment_removed";
        case Change::recovery_renewed: return "recovery_renewed";
        case Change::recovery_added: return "recovery_added";
        case Change::resynchronised: return "resynchronised";
        case Change::unlocked: return "unlocked";
        case Change::places_forgotten: return "places_forgotten";
        case Change::enrolment_allowed: return "enrolment_allowed";
    }
    return "";
}

std::string name_of(uid_t user) {
    const passwd* entry = getpwuid(user);
    return entry != nullptr ? entry->pw_name : std::to_string(user);
}

/// The real user, who is the same as long as the process lives.
const std::string& who() {
    static const auto name = name_of(getuid());
    return name;
}

void log(std::string_view user, std::string_view change, const std::string& more) {
    const auto line = log_word("user", user) + " service=totp-enroll " + log_word("by", who()) + " " +
                      log_word("change", change) + more;
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line.c_str());
}

}  // namespace

void log_change(const Account& account, Change change, std::string_view device) {
    log(account.name, word_for(change), device.empty() ? "" : " " + log_word("device", device));
}

void log_rekeyed(std::string_view key_id) { log("", "rekeyed", " " + log_word("key", key_id)); }

}  // namespace totp
