// OpenSSL's hashes and block cipher as they are, without what it puts around them: the only place that names
// them, for core/otp, core/aes_gcm and core/base64.
//
// Not through EVP, though OpenSSL would have it so since 3.0. There each is fetched first: a host that hasn't
// done so pays a millisecond for HMAC and another for AES-256-GCM, its openssl.cnf and OPENSSL_CONF decide
// whether either can be had, and what goes wrong is left in an error queue that the host reads after calls of
// its own (SSL_get_error(3)). These compute in place, fail never, and leave nothing behind.
//
// So little of it needn't bring all of libcrypto into processes that have none: PAM_TOTP_STATIC_CRYPTO.
#pragma once

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/aes.h>
#include <openssl/evp.h>  // base 64
#include <openssl/modes.h>
#include <openssl/sha.h>
