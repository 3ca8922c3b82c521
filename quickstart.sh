#!/bin/sh
# From a bare Debian 12 to an ssh login that asks for password, then code.
#
#   sudo ./quickstart.sh           shows a QR code and lets you log in yourself
#   sudo ./quickstart.sh --check   plays both sides; exits 0 only if the right code got in and nothing else did
#
# Installs what is missing, builds, and plays on a private sshd on loopback, on a private copy of this machine's
# configuration: its own accounts and PAM stack are not touched.
set -eu
cd "$(dirname "$0")"
. tests/packages.sh

strict=OFF # another compiler may warn of something new
case "${1:-}" in
    '') ;;
    --check) strict=ON ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo "quickstart.sh needs root, for packages and for a private sshd: sudo ./quickstart.sh" >&2
    exit 3
fi

# shellcheck disable=SC2086
install_missing $packages_to_build $packages_to_log_in
echo "Building…"
log=$(mktemp)
if ! { cmake --preset release -DBUILD_TESTING=OFF -DPAM_TOTP_WERROR=$strict && cmake --build --preset release; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    give_back
    exit 1
fi
rm -f "$log"
give_back
exec unshare --mount --pid --fork --mount-proc --propagation private \
    /usr/bin/python3 -B tests/system/story.py build/release "$@"
