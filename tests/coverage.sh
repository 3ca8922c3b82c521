#!/bin/sh
# tests/coverage.sh BUILD: the unit tests and dialogues as clang built them, which branches of core/ and
# pam_module/ they take, and the lines of core/ of which one isn't taken. BUILD is of the preset `clang`. Fails
# where a test does, and where core/ is below 95 %: what is left there is what a system call answers that doesn't
# fail here, or a bug of ours that hasn't happened.
# Counted as it happens, so that processes which are killed count too. Left out is what takes long and tries
# nothing else.
set -eu
least=95
build=$(cd "$1" && pwd)
counts=$build/counts
rm -rf "$counts"
mkdir -p "$counts"
chmod 1777 "$counts" # for tests that aren't root any more

LLVM_PROFILE_FILE=$counts/%p-%m%c.profraw ctest --test-dir "$build" --quiet --output-on-failure -j 2 -L 'unit|pam' \
    -E 'race_test|footprint_test|guessing_test|stack_truth_test'
llvm-profdata merge -sparse "$counts"/*.profraw -o "$counts/all.profdata"
set -- "$build/pam_module/pam_totp.so" "-instr-profile=$counts/all.profdata"
for test in "$build"/tests/unit/*_test "$build"/tests/pam/*_test; do set -- "$@" -object "$test"; done

llvm-cov report "$@" core/*.cc pam_module/*.cc 2>/dev/null |
    awk '/\.cc / || /^TOTAL/ { printf "%-32s %4d branches, %3d not taken, %7s\n", $1, $(NF - 2), $(NF - 1), $NF }'
echo
llvm-cov export "$@" core/*.cc 2>/dev/null | python3 tests/coverage.py "$least"
