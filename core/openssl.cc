#include "core/openssl.h"

#include <string>

#include <openssl/err.h>

#include "core/failure.h"

namespace totp {

OpensslErrors::OpensslErrors() { ERR_set_mark(); }
OpensslErrors::~OpensslErrors() { ERR_pop_to_mark(); }

void require_openssl(bool went_well, const char* what) {
    if (went_well) return;
    throw CannotCompute(std::string("OpenSSL can't compute ") + what +
                        " in this process: look at its openssl.cnf, and at OPENSSL_CONF in its environment");
}

}  // namespace totp
