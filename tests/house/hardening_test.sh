#!/bin/sh
# What is installed is hardened as Debian wants it. Prints each lack.
#   hardening_test.sh BINARY...
set -u
lacking=0

lacks() {
    echo "$1: $2" >&2
    lacking=1
}

for binary in "$@"; do
    facts=$(readelf -hldnW "$binary") || exit 2
    imports=$(nm -D --undefined-only "$binary") || exit 2
    case $facts in *"DYN ("*) ;; *) lacks "$binary" "is at a fixed address (PIE)" ;; esac
    case $facts in *GNU_RELRO*) ;; *) lacks "$binary" "has no read-only relocations" ;; esac
    case $facts in *BIND_NOW* | *"Flags: NOW"*) ;; *) lacks "$binary" "binds late, so relocations stay writable" ;; esac
    case $facts in *"GNU_STACK"*"RWE"*) lacks "$binary" "has a stack that can be executed" ;; esac
    case $imports in *__stack_chk_fail*) ;; *) lacks "$binary" "has no stack protector" ;; esac
    case $imports in *_chk*) ;; *) lacks "$binary" "has no fortified call" ;; esac
    # The mark for CET itself is lost in linking: Debian's libc doesn't have it.
    if [ "$(uname -m)" = x86_64 ] && ! objdump -d "$binary" | grep -q endbr64; then
        lacks "$binary" "has no landing pads for CET"
    fi
done
exit $lacking
