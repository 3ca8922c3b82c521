// What all uses of OpenSSL owe their host: its error queue as it was, and no decision where nothing can be
// computed.
#pragma once

namespace totp {

/// While this lives, errors that OpenSSL notes are ours: they go with it, and those noted before stay. A host
/// looks into that queue after calls of its own (SSL_get_error(3)).
class OpensslErrors {
  public:
    OpensslErrors();
    ~OpensslErrors();
    OpensslErrors(const OpensslErrors&) = delete;
    OpensslErrors& operator=(const OpensslErrors&) = delete;
};

/// Throws CannotCompute with the way out unless a call of OpenSSL for `what` ("an HMAC") went well.
void require_openssl(bool went_well, const char* what);

}  // namespace totp
