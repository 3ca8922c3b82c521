# bash completion for totp-enroll. Names of devices aren't completed: to know them takes the password.

# Names that others choose are words of the shell's only when they are quoted, and compgen -W runs what they say.
_totp_enroll_quoted() {
    while IFS= read -r; do printf '%q\n' "$REPLY"; done
}

_totp_enroll() {
    local word=$2 before=$3 command='' words='' i

    # The command, or `add` at an option that only it has; none as long as there are shared options only.
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case ${COMP_WORDS[i]} in
            --user | --config | --store | --key)
                [[ ${COMP_WORDS[i + 1]} == = ]] && ((++i)) # bash makes three words of --option=value
                ((++i))
                ;;
            --local | --json) ;;
            -*) command=add && break ;;
            *) command=${COMP_WORDS[i]} && break ;;
        esac
    done

    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
    case $before in
        --user) mapfile -t COMPREPLY < <(compgen -u -- "$word" | _totp_enroll_quoted) && return ;;
        --config | --key | --secret-from | --qr-file | --key-from | --keep-old) compopt -o default ;;
        --store | --out) compopt -o dirnames ;;
        --algorithm) words='SHA1 SHA256 SHA512' ;;
        --digits) words='6 7 8' ;;
        --format) words='uri qr google oath' ;;
        --qr) words='auto utf8 utf8-light ascii ansi none' ;;
        --device | --period | --issuer | --label | --recovery-codes | --expires) ;;
        *)
            words='--help --user --local --json --config --store --key'
            case $command in
                '') words+=' --version' ;;&
                add | '')
                    words+=' --device --algorithm --digits --period --hotp --issuer --label --secret-from
                        --qr --qr-file --recovery-codes --token --no-confirm'
                    ;;
                status) words+=' --all' ;;
                remove) words+=' --device --yes' ;;
                recovery) words+=' --recovery-codes --one --expires' ;;
                token) words+=' --expires' ;;
                rekey) words+=' --key-from --keep-old' ;;
                import) words+=' --all-homes --device' ;;
                export) words+=' --device --format --qr --qr-file' ;;
                bulk) words+=' --out --device --issuer --recovery-codes' ;;
            esac
            if [[ $command == import && $word != -* ]]; then
                words='google oath uri'
                compopt -o default
            fi
            [[ $command == bulk && $word != -* ]] && words='' && compopt -o default
            if [[ $command == check && $word != -* ]]; then
                mapfile -t COMPREPLY < <(cd /etc/pam.d 2>/dev/null && compgen -f -- "$word" | _totp_enroll_quoted)
                return
            fi
            [[ -z $command && $word != -* ]] &&
                words='add status verify remove recovery forget resync unlock token rekey check import export bulk prepare'
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _totp_enroll totp-enroll
