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
        case Change::device_removed: return "device_removed";
        case Change::enrolment_removed: return "enrolment_removed";
        case Change::recovery_renewed: return "recovery_renewed";
        case Change::recovery_added: return "recovery_added";
        case Change::resynchronised: return "resynchronised";
        case Change::unlocked: return "unlocked";
        case Change::places_forgotten: return "places_forgotten";
    }
    return "";
}

std::string who() {
    const passwd* entry = getpwuid(getuid());
    return entry != nullptr ? entry->pw_name : std::to_string(getuid());
}

}  // namespace

void log_change(const Account& account, Change change, std::string_view device) {
    auto line = log_word("user", account.name) + " service=totp-enroll " + log_word("by", who()) + " " +
                log_word("change", word_for(change));
    if (!device.empty()) line += " " + log_word("device", device);
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line.c_str());
}

}  // namespace totp
