#include "tests/bench/host.h"

void prepare_host() {}
