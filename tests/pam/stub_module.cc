// A PAM module that answers what the test that loaded it says.
#include <security/pam_modules.h>

/// In the test's own executable.
extern "C" int answer_of_stub(int count, const char** arguments);

#define ENTRY_POINT extern "C" [[gnu::visibility("default")]] int

ENTRY_POINT pam_sm_authenticate(pam_handle_t*, int, int count, const char** arguments) {
    return answer_of_stub(count, arguments);
}
ENTRY_POINT pam_sm_setcred(pam_handle_t*, int, int, const char**) { return PAM_SUCCESS; }
ENTRY_POINT pam_sm_acct_mgmt(pam_handle_t*, int, int count, const char** arguments) {
    return answer_of_stub(count, arguments);
}
