#!/bin/sh
# Installs what is missing, builds, and runs every test.
#
#   sudo ./test.sh         all that a change needs: about twenty minutes on two cores
#   sudo ./test.sh --all   sanitizers, packages, fuzzing, clang-tidy and what else takes longer
set -eu
cd "$(dirname "$0")"
. tests/packages.sh

case "${1:-}" in
    '' | --all) ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo "test.sh needs root, for packages and for logins on a private machine: sudo ./test.sh" >&2
    exit 3
fi

# The package tests that run beside others take away what they made, so they are waited for whatever happens.
package_run=
end_packages() { [ -z "$package_run" ] || wait "$package_run"; }
trap 'end_packages || :; give_back' EXIT

heading() { printf '\n==== %s: %s\n' "$(date +%T)" "$*"; }

# build PRESET
build() {
    heading "$1: build"
    cmake --preset "$1" -DBUILD_TESTING=ON -DPAM_TOTP_WERROR=ON -DPAM_TOTP_POSTGRESQL=ON >/dev/null
    cmake --build --preset "$1" -- --quiet
}

# run_tests PRESET
run_tests() {
    heading "$1: unit tests, dialogues, races, the house"
    ctest --preset "$1"
}

# shellcheck disable=SC2086
install_missing $packages_to_build $packages_to_log_in $packages_to_test
rm -rf build/release/results
build release
run_tests release
heading "release: real sshd, su, sudo, login"
tests/system/run build/release
heading "release: every promise of SECURITY.md was tried"
python3 tests/promises.py build/release

if [ "${1:-}" = --all ]; then
    # shellcheck disable=SC2086
    install_missing $packages_to_test_more
    heading "release: Cockpit's login page in a browser"
    tests/system/run build/release tests/system/web/test_cockpit.py
    # Waits for dpkg most of its time, so beside what follows.
    tests/package/run >build/packages.log 2>&1 &
    package_run=$!
    counts=build/dev/counts
    rm -rf $counts
    mkdir -p $counts
    chmod 1777 $counts # for tests that aren't root any more
    build dev
    export LLVM_PROFILE_FILE="$PWD/$counts/%p-%m%c.profraw"
    run_tests dev
    unset LLVM_PROFILE_FILE
    heading "dev: the branches that were taken"
    tests/coverage.sh $counts
    heading "dev: libFuzzer targets"
    cmake --build --preset fuzz -- --quiet
    heading "fuzz: half a minute each"
    tests/fuzz/run build/dev 30
    heading "release: valgrind"
    tests/pam/valgrind_test.sh build/release
    heading "broken on purpose: each must be red"
    tests/broken/run
    heading "cppcheck"
    cppcheck --enable=warning,performance,portability --error-exitcode=1 --std=c++20 --language=c++ -I. --quiet \
        core pam_module enroll
    heading "clang-tidy"
    find core pam_module enroll -name '*.cc' -print0 | xargs -0 -P 2 -n 4 clang-tidy --quiet -p build/dev
    heading "packages: built, and their whole life in a fresh Debian"
    end_packages || { cat build/packages.log; exit 1; }
    cat build/packages.log
fi
heading "All tests passed."
