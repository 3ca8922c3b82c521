# fish completion for totp-enroll. Names of devices aren't completed: to know them takes the password.

# Whether the line's command is one of these. It is '' as long as there are shared options only, and `add` at an
# option that only `add` has.
function __totp_enroll_command_is
    set -l command ''
    set -l is_value no
    for word in (commandline -opc)[2..]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case --user --config --store --key
                set is_value yes
            case --local --json '--user=*' '--config=*' '--store=*' '--key=*'
            case '-*'
                set command add
                break
            case '*'
                set command $word
                break
        end
    end
    contains -- "$command" $argv
end

complete -c totp-enroll -f

complete -c totp-enroll -s h -l help -d 'Print this help message and exit'
complete -c totp-enroll -l user -x -a '(__fish_complete_users)' -d 'The account to act on (root)'
complete -c totp-enroll -l local -d "This machine's accounts, where a database has the others (root)"
complete -c totp-enroll -l json -d 'Facts as JSON on stdout, nothing else there'
complete -c totp-enroll -l config -r -F -d 'Another settings file (root)'
complete -c totp-enroll -l store -x -a '(__fish_complete_directories)' -d 'Another store (root)'
complete -c totp-enroll -l key -r -F -d 'Another host key (root)'

set -l without_command -n '__totp_enroll_command_is ""'
complete -c totp-enroll $without_command -l version -d 'Display program version information and exit'
complete -c totp-enroll $without_command -a add -d 'Enrol, or add a device'
complete -c totp-enroll $without_command -a status -d 'Show what is enrolled and how it stands'
complete -c totp-enroll $without_command -a verify -d 'Try a code without logging in'
complete -c totp-enroll $without_command -a remove -d 'Take a device, or the whole enrolment, away'
complete -c totp-enroll $without_command -a recovery -d 'Make new recovery codes; the old ones are void'
complete -c totp-enroll $without_command -a forget -d 'Forget the places you have logged in from'
complete -c totp-enroll $without_command -a resync -d 'Bring a device back into step, by two codes in a row'
complete -c totp-enroll $without_command -a unlock -d 'Clear the failure counts after too many wrong codes'
complete -c totp-enroll $without_command -a token -d 'Let somebody enrol themselves in a database, once (root)'
complete -c totp-enroll $without_command -a rekey -d 'Seal everything under a new host key (root)'
complete -c totp-enroll $without_command -a check -d 'Look at this machine as a doctor, and say what to change'
complete -c totp-enroll $without_command -a import -d 'Take over what other programs enrolled (root)'
complete -c totp-enroll $without_command -a export -d 'Show the key of a device again, for moving on (root)'
complete -c totp-enroll $without_command -a bulk -d 'Enrol many from a list, each with what to hand over (root)'
complete -c totp-enroll $without_command -a prepare -d 'Make the store and the host key (root, at installation)'

set -l add -n '__totp_enroll_command_is add ""'
complete -c totp-enroll $add -l device -x -d 'What to call the device [phone, phone-2, …]'
complete -c totp-enroll $add -l algorithm -x -a 'SHA1 SHA256 SHA512' \
    -d 'SHA1, SHA256 or SHA512; many apps know SHA1 only'
complete -c totp-enroll $add -l digits -x -a '6 7 8' -d 'How many digits a code has: 6, 7 or 8'
complete -c totp-enroll $add -l period -x -d 'How many seconds a code lasts: 1 to 3600 [30]'
complete -c totp-enroll $add -l hotp -d 'A token that counts its codes instead of knowing the time'
complete -c totp-enroll $add -l issuer -x -d 'Who the app says the account is with [this host\'s name]'
complete -c totp-enroll $add -l label -x -d 'What the app calls the account [the user\'s name]'
complete -c totp-enroll $add -l secret-from -r -F \
    -d 'Take the secret, in base 32, from a file (root) or (-) stdin'
complete -c totp-enroll $add -l qr -x -a 'auto utf8 utf8-light ascii ansi none' \
    -d 'The QR code: auto, utf8, utf8-light, ascii, ansi or none'
complete -c totp-enroll $add -l qr-file -r -F -d 'The QR code as a new file too: F.png or F.svg'
complete -c totp-enroll $add -l recovery-codes -x -d 'How many recovery codes to make, 0 to 32 [10]'
complete -c totp-enroll $add -l token -d 'A first enrolment in a database, by an administrator\'s token'
complete -c totp-enroll $add -l no-confirm -d 'Save without a code from the device (root)'

complete -c totp-enroll -n '__totp_enroll_command_is status' -l all \
    -d 'Every account that has a record, one a line (root)'

set -l remove -n '__totp_enroll_command_is remove'
complete -c totp-enroll $remove -l device -x -d 'Only this device; without it, all that is enrolled'
complete -c totp-enroll $remove -l yes -d 'Don\'t ask'

set -l recovery -n '__totp_enroll_command_is recovery'
complete -c totp-enroll $recovery -l recovery-codes -x -d 'How many, 1 to 32 [10]'
complete -c totp-enroll $recovery -l one -d 'One more code beside those there are, for a while (root)'
complete -c totp-enroll $recovery -l expires -x -d 'How long that one is good: 90m, 24h, 7d [24h]'

complete -c totp-enroll -n '__totp_enroll_command_is token' -l expires -x \
    -d 'How long it is good: 90m, 24h, 7d [24h]'

set -l rekey -n '__totp_enroll_command_is rekey'
complete -c totp-enroll $rekey -l key-from -r -F -d 'Take the new key, 32 bytes, from a file or (-) stdin'
complete -c totp-enroll $rekey -l keep-old -r -F -d 'Keep the old key in this new file'

complete -c totp-enroll -n '__totp_enroll_command_is check' -a '(path basename /etc/pam.d/*)' -d 'Service'

set -l import -n '__totp_enroll_command_is import'
complete -c totp-enroll $import -F -a 'google oath uri'
complete -c totp-enroll $import -l all-homes -d 'The .google_authenticator of every account'
complete -c totp-enroll $import -l device -x -d 'What to call the device [phone, phone-2, …]'

set -l export -n '__totp_enroll_command_is export'
complete -c totp-enroll $export -l device -x -d 'Only this device'
complete -c totp-enroll $export -l format -x -a 'uri qr google oath' -d 'What to make: uri, qr, google or oath'
complete -c totp-enroll $export -l qr -x -a 'auto utf8 utf8-light ascii ansi none' \
    -d 'The QR code: auto, utf8, utf8-light, ascii, ansi or none'
complete -c totp-enroll $export -l qr-file -r -F -d 'The QR code as a new file too: F.png or F.svg'

set -l bulk -n '__totp_enroll_command_is bulk'
complete -c totp-enroll $bulk -F
complete -c totp-enroll $bulk -l out -x -a '(__fish_complete_directories)' \
    -d 'Where what is handed over goes: a directory of root\'s alone'
complete -c totp-enroll $bulk -l device -x -d 'What to call a device where FILE doesn\'t say [phone]'
complete -c totp-enroll $bulk -l issuer -x -d 'Who the app says the account is with [this host\'s name]'
complete -c totp-enroll $bulk -l recovery-codes -x -d 'How many recovery codes to make, 0 to 32 [10]'
