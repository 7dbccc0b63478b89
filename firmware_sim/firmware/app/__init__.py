"""The application that a device runs, in C99, and a simulated device under it: `edgeacc.firmware_sim.application`."""
