# Sourced by quickstart.sh and test.sh: what the project needs of Debian, and how it gets there.

packages_to_build='g++ cmake ninja-build pkg-config libpam0g-dev libssl-dev libcrypt-dev libeconf-dev
    libpq-dev libqrencode-dev libpng-dev libcli11-dev nlohmann-json3-dev libncurses-dev scdoc gettext'
packages_to_log_in='openssh-server openssh-client python3 python3-pexpect oathtool'
packages_to_test='libcmocka-dev libpam-wrapper binutils procps iproute2 sudo strace tmux
    zbar-tools librsvg2-bin python3-pyotp python3-pytest python3-psycopg2 python3-pil fonts-dejavu-core zsh fish cron
    postgresql pamtester vlock valgrind
    libpam-google-authenticator libpam-oath fail2ban python3-systemd systemd faketime
    python3-prometheus-client btrfs-progs'
packages_to_test_more='clang libclang-rt-dev lld clang-tidy llvm cppcheck git patch
    cockpit-ws cockpit-bridge cockpit-system chromium chromium-driver python3-selenium
    adduser autopkgtest debhelper dpkg-dev fakeroot lintian mmdebstrap piuparts'

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian starts a server as soon as it is installed, on all addresses; the one we need is private.
# A shell of its own, so that its trap is.
install_without_starting_servers() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        trap 'exit 1' INT TERM
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
)

# keep_stopped PACKAGE SERVICE: a server that came with $missing isn't started at the next boot either.
keep_stopped() {
    case "$missing " in
        *" $1 "*) [ -d /run/systemd/system ] || return 0 ;;
        *) return 0 ;;
    esac
    systemctl disable --quiet "$2.service" "$2.socket" 2>/dev/null
    echo "$1 is new here: it isn't started, nor will it be at the next boot (to have it: systemctl enable --now $2)."
}

# install_missing PACKAGE...
install_missing() {
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "These packages are missing:$missing" >&2
        echo "Run this with sudo, or install them first." >&2
        return 1
    fi
    echo "Installing:$missing"
    apt-get update || return 1
    # shellcheck disable=SC2086
    install_without_starting_servers $missing || return 1
    keep_stopped openssh-server ssh
    keep_stopped cron cron
    keep_stopped postgresql postgresql
    keep_stopped fail2ban fail2ban
    keep_stopped cockpit-ws cockpit
}

# What root builds for somebody is theirs.
give_back() { [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" build; }
