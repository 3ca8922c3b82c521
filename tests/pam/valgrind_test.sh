#!/bin/sh
# Dialogues, and eight threads, under valgrind: no memory is used that isn't
# ours or was never written, and none is lost. Nothing has to be suppressed.
#   valgrind_test.sh BUILD
# Exits 0 if all are clean; what isn't is named.
set -u
dialogues=$(cd "$(dirname "$0")/dialogues" && pwd)
cd "$1/tests/pam" || exit 2

# A program and the pattern for its tests, one a line. Valgrind 3.19 takes a program that can't be started for one that
# was, and doesn't know pidfd_open(2): so without the dialogues that ask a helper.
{
    grep -LE 'helper|totp_check|totp_draw|enrol_qr|unenrolled=enrol' "$dialogues"/*.txt |
        sed 's,.*/\(.*\)\.txt$,./dialogue_test \1,'
    echo './guest_test *eight*'
} | xargs -L 1 -P "$(nproc)" sh -c '
    # What a child leaves behind by _exit(2) is no leak.
    valgrind --quiet --vgdb=no --child-silent-after-fork=yes --error-exitcode=99 --leak-check=full \
        --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$@" >/dev/null 2>&1 || {
        echo "not clean: $*" >&2
        exit 1
    }' sh
