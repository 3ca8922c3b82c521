// What the application has done before it asks libpam: nothing (su, sudo, login), or its key exchange (sshd).
#pragma once

void prepare_host();
