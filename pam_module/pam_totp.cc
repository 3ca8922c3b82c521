// The entry points libpam calls, and the wall that no exception passes. What they do is in authenticate
// and enrol_at_login.
#include <cstdlib>
#include <exception>
#include <new>
#include <span>

#include <cxxabi.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <syslog.h>

#include "core/failure.h"
#include "pam_module/authenticate.h"
#include "pam_module/cancellation.h"
#include "pam_module/enrol_at_login.h"

namespace {

/// libstdc++ keeps a block for each thread that throws, and the C library ends the process that has no memory
/// for it: so it is there before anybody is asked, who may wait with their answer until there is none.
/// Volatile, for a call whose result isn't used is left out.
void take_memory_for_exceptions() {
    void* volatile block = abi::__cxa_get_globals();
    static_cast<void>(block);
}

/// Runs `body`, which may throw, inside a host that must not see it. Not noexcept, nor are the entry points:
/// a thread that is cancelled in the conversation unwinds through here. What is caught then is no object:
/// libstdc++ binds its reference to null, which a sanitizer would end the process for.
template <class Body>
__attribute__((noinline, no_sanitize("null"))) int guard(pam_handle_t* pamh, Body body) {
    try {
        take_memory_for_exceptions();
        const totp::Uninterrupted until_the_end(pamh);
        return body();
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (const std::bad_alloc&) {
        return PAM_BUF_ERR;
    } catch (const totp::CannotCompute& failure) {
        pam_syslog(pamh, LOG_ERR, "nobody is let in: %s", failure.what());
        return PAM_AUTHINFO_UNAVAIL;
    } catch (const std::exception& bug) {
        pam_syslog(pamh, LOG_CRIT, "internal error, nobody is let in: %s", bug.what());
        return PAM_SYSTEM_ERR;
    } catch (...) {
        pam_syslog(pamh, LOG_CRIT, "internal error, nobody is let in");
        return PAM_SYSTEM_ERR;
    }
}

}  // namespace

#define ENTRY_POINT extern "C" [[gnu::visibility("default")]] int

ENTRY_POINT pam_sm_authenticate(pam_handle_t* pamh, int flags, int argc, const char** argv) {
    return guard(pamh, [&] {
        return totp::authenticate(pamh, flags, {argv, static_cast<std::size_t>(argc)});
    });
}

/// We hold no credentials; a stack whose auth phase we passed must not fail here, unless somebody must enrol.
ENTRY_POINT pam_sm_setcred(pam_handle_t* pamh, int, int, const char**) {
    return guard(pamh, [&] { return totp::guard_credentials(pamh); });
}

ENTRY_POINT pam_sm_acct_mgmt(pam_handle_t* pamh, int flags, int argc, const char** argv) {
    return guard(pamh, [&] {
        return totp::enrol_at_login(pamh, flags, {argv, static_cast<std::size_t>(argc)});
    });
}

ENTRY_POINT pam_sm_open_session(pam_handle_t*, int, int, const char**) { return PAM_IGNORE; }

ENTRY_POINT pam_sm_close_session(pam_handle_t*, int, int, const char**) { return PAM_IGNORE; }

ENTRY_POINT pam_sm_chauthtok(pam_handle_t*, int, int, const char**) { return PAM_IGNORE; }
