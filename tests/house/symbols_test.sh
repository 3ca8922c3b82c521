#!/bin/sh
# The module exports what libpam calls and nothing else, and needs no library that a login doesn't.
#   symbols_test.sh MODULE [ALSO]     ALSO: a library that this build needs, too
set -u
module=$1
also=${2:-}
broken=0

expected='pam_sm_acct_mgmt
pam_sm_authenticate
pam_sm_chauthtok
pam_sm_close_session
pam_sm_open_session
pam_sm_setcred'
exported=$(nm -D --defined-only "$module" | awk '{print $3}' | sort)
if [ "$exported" != "$expected" ]; then
    echo "exported: $exported" >&2
    broken=1
fi

[ -n "${PAM_TOTP_INSTRUMENTED:-}" ] && exit $broken  # what is instrumented brings libraries of their own
needed=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
for library in $needed; do
    case $library in
        libpam.so.0 | libcrypt.so.1 | libeconf.so.0 | libc.so.6 | libgcc_s.so.1 | libm.so.6) ;;
        ld-linux* | "$also") ;;
        *) echo "needs $library" >&2; broken=1 ;;
    esac
done
exit $broken
