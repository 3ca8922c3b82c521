"""A login through the real libpam, for strace: pam_client.py SERVICE USER [REMOTE_HOST] < ANSWERS

What happens inside pam_authenticate() stands between two looks at files that are not there, BEGIN and END;
what this program does to answer a prompt stands between ASKED and ANSWERED.
"""

import ctypes
import os
import sys

PAM_RHOST = 4
BEGIN, ASKED, ANSWERED, END = "/begin", "/asked", "/answered", "/end"

libpam = ctypes.CDLL("libpam.so.0")
libc = ctypes.CDLL("libc.so.6")
libc.strdup.restype = ctypes.c_void_p
libc.calloc.restype = ctypes.c_void_p


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


Converse = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
                            ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", Converse), ("data", ctypes.c_void_p)]


@Converse
def answer(count, _messages, responses, _data):
    os.access(ASKED, os.F_OK)
    block = libc.calloc(count, ctypes.sizeof(Response))
    Response.from_address(block).text = libc.strdup(sys.stdin.readline().rstrip("\n").encode())
    responses[0] = block
    os.access(ANSWERED, os.F_OK)
    return 0


def main():
    service, user, *remote_host = (argument.encode() for argument in sys.argv[1:])
    handle = ctypes.c_void_p()
    conversation = Conversation(answer, None)
    assert libpam.pam_start(service, user, ctypes.byref(conversation), ctypes.byref(handle)) == 0
    for host in remote_host:
        libpam.pam_set_item(handle, PAM_RHOST, host)
    os.access(BEGIN, os.F_OK)
    outcome = libpam.pam_authenticate(handle, 0)
    os.access(END, os.F_OK)
    libpam.pam_end(handle, outcome)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
