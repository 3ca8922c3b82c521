#!/bin/sh
# tests/coverage.sh COUNTS: which branches of core/ and pam_module/ were taken by tests of build/dev that ran with
# LLVM_PROFILE_FILE=COUNTS/%p-%m%c.profraw, and the lines of core/ of which one wasn't. Fails where core/ is below
# 95 %: what is left there is what a system call answers that doesn't fail here, or a bug of ours that hasn't happened.
# Counted as it happens, so that processes which are killed count too.
set -eu
least=95
counts=$1
build=build/dev

llvm-profdata merge -sparse "$counts"/*.profraw -o "$counts/all.profdata"
set -- "$build/pam_module/pam_totp.so" "-instr-profile=$counts/all.profdata"
for test in "$build"/tests/unit/*_test "$build"/tests/pam/*_test; do set -- "$@" -object "$test"; done

llvm-cov report "$@" core/*.cc pam_module/*.cc 2>/dev/null |
    awk '/\.cc / || /^TOTAL/ { printf "%-32s %4d branches, %3d not taken, %7s\n", $1, $(NF - 2), $(NF - 1), $NF }'
echo
llvm-cov export "$@" core/*.cc 2>/dev/null | python3 tests/coverage.py "$least"
