# Makes setgid_programs setgid _totp, and setuid_program root's for the group _totp_verifier, where this is a real
# installation by root and the group is there.
execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)

# lend(GROUP MODE PURPOSE THEN PROGRAM...)
function(lend group mode purpose then)
  execute_process(COMMAND getent group ${group} RESULT_VARIABLE group_is_missing OUTPUT_QUIET)
  if(DEFINED ENV{DESTDIR} OR NOT user EQUAL 0 OR NOT group_is_missing EQUAL 0)
    string(REPLACE ";" " " programs "${ARGN}")
    message(STATUS "${purpose}, as root: groupadd --system ${group}; "
                   "chgrp ${group} ${programs}; chmod ${mode} ${programs}${then}")
  else()
    execute_process(COMMAND chgrp ${group} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND chmod ${mode} ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endfunction()

lend(_totp 2755 "For people to enrol themselves" "; totp-enroll prepare" ${setgid_programs})
lend(_totp_verifier 4710 "For services that aren't root and check others" "" ${setuid_program})
