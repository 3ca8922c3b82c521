#include "enroll/doctor/usual_doors.h"

#include <algorithm>

namespace totp {
namespace {

struct UsualDoor {
    std::string_view service;
    DoorKind kind;
};

constexpr UsualDoor doors[] = {{"cockpit", DoorKind::asking},
                               {"ftp", DoorKind::asking_once},
                               {"gdm-autologin", DoorKind::automatic},
                               {"gdm-fingerprint", DoorKind::fingerprint},
                               {"gdm-password", DoorKind::asking},
                               {"gdm-pin", DoorKind::asking},
                               {"gdm-smartcard", DoorKind::smart_card},
                               {"gdm-switchable-auth", DoorKind::asking},
                               {"greetd", DoorKind::asking},
                               {"kde", DoorKind::asking},
                               {"kde-fingerprint", DoorKind::fingerprint},
                               {"kde-smartcard", DoorKind::smart_card},
                               {"lightdm", DoorKind::asking},
                               {"lightdm-autologin", DoorKind::automatic},
                               {"login", DoorKind::asking},
                               {"lxdm", DoorKind::asking},
                               {"polkit-1", DoorKind::asking},
                               {"proftpd", DoorKind::asking_once},
                               {"pure-ftpd", DoorKind::asking_once},
                               {"remote", DoorKind::asking},
                               {"sddm", DoorKind::asking},
                               {"sddm-autologin", DoorKind::automatic},
                               {"sshd", DoorKind::asking},
                               {"su", DoorKind::asking},
                               {"su-l", DoorKind::asking},
                               {"sudo", DoorKind::asking},
                               {"sudo-i", DoorKind::asking},
                               {"vsftpd", DoorKind::asking_once},
                               {"xdm", DoorKind::asking},
                               {"xrdp-sesman", DoorKind::asking_once}};

/// Debian has a file for each kind of card, and `gdm-smartcard` as a link to one of them.
constexpr std::string_view smart_card = "gdm-smartcard";
constexpr std::string_view kinds_of_smart_card = "gdm-smartcard-";

Sentence shut_it() {
    return tr("where nobody is to get in so, put the line %1 before its other auth lines",
              {"`auth requisite pam_deny.so`"});
}

void tell_of_open_door(DoorKind door, CheckFinding& finding) {
    switch (door) {
        case DoorKind::asking: return;
        case DoorKind::asking_once:
            finding.change =
                tr("it asks but once, so the code has to stand behind the password: see forward_pass in "
                   "pam_totp(8)");
            return;
        case DoorKind::fingerprint:
            finding.sentence = tr("who gets in by a fingerprint is asked for no code");
            finding.change = shut_it();
            return;
        case DoorKind::smart_card:
            finding.sentence = tr("who gets in by a smart card is asked for no code");
            return;
        case DoorKind::automatic:
            finding.sentence = tr("who is logged in automatically is asked for no code");
            finding.change = shut_it();
            return;
    }
}

}  // namespace

std::optional<DoorKind> usual_door(std::string_view service, const std::set<std::string>& services) {
    if (service.starts_with(kinds_of_smart_card) && !services.contains(std::string(smart_card)))
        return DoorKind::smart_card;
    const auto* const door = std::ranges::find(doors, service, &UsualDoor::service);
    return door == std::end(doors) ? std::nullopt : std::optional(door->kind);
}

bool may_be_shut(DoorKind door) {
    switch (door) {
        case DoorKind::asking:
        case DoorKind::asking_once: return false;
        case DoorKind::fingerprint:
        case DoorKind::smart_card:
        case DoorKind::automatic: return true;
    }
    return false;
}

void tell_of_door(DoorKind door, CheckFinding& finding) {
    if (finding.kind == "no_code") tell_of_open_door(door, finding);
    if (finding.kind == "module_missing" && may_be_shut(door)) {
        finding.severity = Severity::remark;
        finding.change = {};
    }
}

}  // namespace totp
