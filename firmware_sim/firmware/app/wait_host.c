#include "device_simulated.h"

void simulated_wait(void) {}
