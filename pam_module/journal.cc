#include "pam_module/journal.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "core/descriptor.h"
#include "core/percent.h"

namespace totp {
namespace {

constexpr sockaddr_un journal = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};

/// No value here has a line's end.
void add(std::string& entry, std::string_view name, std::string_view value) {
    entry.append(name).append("=").append(value).append("\n");
}

std::string field_for(std::string_view name) {
    std::string field = "PAM_TOTP_";
    for (const char c : name) field += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return field;
}

void add_words(std::string& entry, std::string_view words) {
    while (!words.empty()) {
        const auto word = words.substr(0, words.find(' '));
        const auto equals = word.find('=');
        if (equals != word.npos) add(entry, field_for(word.substr(0, equals)), word.substr(equals + 1));
        words.remove_prefix(std::min(word.size() + 1, words.size()));
    }
}

}  // namespace

bool write_to_journal(int priority, std::string_view prefix, std::string_view words) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return false;
    std::string entry;
    add(entry, "MESSAGE", std::string(prefix) + std::string(words));
    add(entry, "PRIORITY", std::to_string(LOG_PRI(priority)));
    add(entry, "SYSLOG_FACILITY", std::to_string(LOG_FAC(LOG_AUTHPRIV)));
    add(entry, "SYSLOG_IDENTIFIER", printable(program_invocation_short_name));
    add_words(entry, words);
    const auto sent = sendto(socket.number(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&journal), sizeof journal);
    return sent == static_cast<ssize_t>(entry.size());
}

}  // namespace totp
