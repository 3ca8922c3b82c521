#!/bin/sh
# Arrows point down only, and some words stand in one place only. Prints each line that breaks a rule.
#   layering_test.sh SOURCE_DIRECTORY
set -u
cd "$1" || exit 2
broken=0

# forbid WHAT PATTERN FILE...: no line of the files may match.
forbid() {
    what=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@" /dev/null; then
        echo "  ^ $what" >&2
        broken=1
    fi
}

# only WHAT PATTERN ALLOWED FILE...: lines that match may stand in files named ALLOWED (a pattern) alone.
only() {
    what=$1 pattern=$2 allowed=$3
    shift 3
    if grep -nE "$pattern" "$@" /dev/null | grep -vE "^($allowed):"; then
        echo "  ^ $what" >&2
        broken=1
    fi
}

core=$(find core -name '*.h' -o -name '*.cc')
module=$(find pam_module -name '*.h' -o -name '*.cc')
enroll=$(find enroll -name '*.h' -o -name '*.cc')
[ -n "$core" ] && [ -n "$module" ] && [ -n "$enroll" ] || { echo "nothing to look at" >&2; exit 2; }

forbid "core knows no PAM, no log, no command line, no terminal" \
    '#include <(security/|syslog|getopt|iostream|CLI|curses|termios)' $core
forbid "core knows neither program" '#include "(pam_module|enroll)/' $core
forbid "pam_module and enroll don't know each other" '#include "enroll/' $module
forbid "pam_module and enroll don't know each other" '#include "pam_module/' $enroll
forbid "in core, time is an argument" \
    '\b(clock_gettime|gettimeofday|system_clock|steady_clock)\b|[^_a-z.](std::)?time\((nullptr|NULL|0)?\)' $core
forbid "the module changes nothing of its host process" \
    '\b(setlocale|signal|sigaction|getenv|setenv|putenv|printf|puts|cout|cerr|std::thread|chdir|umask|exit)\(|std::c(out|err)' \
    $(echo "$core" | tr ' ' '\n' | grep -v '^core/privilege') $module
only "what changes the process is for the programs with borrowed privilege, never for the module" \
    '#include "core/(privilege|lent_store)\.h"' \
    'core/(privilege|lent_store)\.cc|pam_module/(totp_check(_any)?|fleet/totp_(check|person|administer)_postgresql)\.cc|enroll/[a-z_]*\.cc' $core $module $enroll
only "only the stores, the settings and the key touch files" \
    '#include <(fcntl|unistd|sys/(stat|file|resource|ioctl))\.h>' \
    'core/(file_store|flaw|record_file|settings_file|seal|descriptor|random|child_process|privilege)\.(cc|h)' $core
only "catalogues are asked in one place" '#include <libintl|gettext\(' 'core/sentence\.cc' $core $module $enroll
only "what of OpenSSL is used is said in one place; of certificates in another" '#include <openssl/' \
    'core/openssl\.h|pam_module/fleet/identity\.cc' $core $module $enroll
only "libpq is known in one place" 'libpq-fe\.h' 'pam_module/fleet/postgresql\.cc' $core $module $enroll
only "one place makes a verdict a PAM code; the wall and the other phases say theirs" \
    '[^=] PAM_(SUCCESS|IGNORE)\b' 'pam_module/(enrol_at_login|outcome|pam_totp)\.cc' \
    $(echo "$module" | tr ' ' '\n' | grep -v '\.h$')
forbid "a verdict's switch has no default" '\bdefault:' core/verdict.cc pam_module/outcome.cc
only "a code is accepted in one place" 'Verdict::accepted' \
    'core/(verifier|verdict)\.(cc|h)|pam_module/outcome\.(cc|h)' $core $module $enroll
exit $broken
