#!/bin/sh
# The catalogues have every sentence of the sources, in every language, with the same values in it.
#   catalogues_test.sh SOURCE_DIRECTORY
set -u
cd "$1" || exit 2
temporary=$(mktemp -d) || exit 2
trap 'rm -r "$temporary"' EXIT
broken=0

lacks() {
    echo "$1" >&2
    broken=1
}

# Where a line is folded is gettext's business, and not the same in all of its versions.
po/update --print | msgcat --no-wrap - >"$temporary/made.pot" || exit 2
msgcat --no-wrap po/pam-totp.pot >"$temporary/kept.pot" || exit 2
diff -u "$temporary/kept.pot" "$temporary/made.pot" >&2 || lacks "po/pam-totp.pot isn't of these sources: run po/update"
grep -q '^msgid "Verification code: "$' po/pam-totp.pot || lacks "po/pam-totp.pot lacks the prompt"
grep -n '^#,.* c-format' po/pam-totp.pot >&2 && lacks "a printf format must not come from a catalogue"

for catalogue in po/*.po; do
    language=$(basename "$catalogue" .po)
    grep -qx "$language" po/LINGUAS || lacks "po/LINGUAS doesn't name $language"
done
while read -r language; do
    catalogue=po/$language.po
    msgfmt --check --check-format --output-file="$temporary/$language.mo" "$catalogue" || lacks "$catalogue is broken"
    msgcmp "$catalogue" po/pam-totp.pot || lacks "$catalogue isn't complete: run po/update, and translate what has no msgstr"
    for flaw in --untranslated --only-fuzzy --only-obsolete; do
        msgattrib $flaw --no-wrap "$catalogue" | grep -A3 '^\(#~ \)\?msgid "..*"' >&2 && lacks "$catalogue: msgattrib $flaw"
    done
done <po/LINGUAS
exit $broken
