#include "enroll/foreign/foreign_device.h"

namespace totp {

void note_short_secret(ForeignDevice& foreign) {
    const auto size = foreign.credential.secret.size();
    if (size >= minimum_new_secret) return;
    foreign.notes.push_back(
        tr("the secret has only %1 bits, a new one has 160: better a new device with totp-enroll add",
           {size * 8}));
}

}  // namespace totp
