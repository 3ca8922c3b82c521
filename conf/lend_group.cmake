# Makes setgid_programs setgid _totp, where this is a real installation by root and the group is there.
set(group _totp)
execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND getent group ${group} RESULT_VARIABLE group_is_missing OUTPUT_QUIET)
if(DEFINED ENV{DESTDIR} OR NOT user EQUAL 0 OR NOT group_is_missing EQUAL 0)
  string(REPLACE ";" " " programs "${setgid_programs}")
  message(STATUS "For people to enrol themselves, as root: groupadd --system ${group}; "
                 "chgrp ${group} ${programs}; chmod 2755 ${programs}; totp-enroll prepare")
else()
  execute_process(COMMAND chgrp ${group} ${setgid_programs} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND chmod 2755 ${setgid_programs} COMMAND_ERROR_IS_FATAL ANY)
endif()
