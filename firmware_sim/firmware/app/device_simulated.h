/* Between the simulated device and how a target waits for its interrupt. */
#ifndef EDGEACC_DEVICE_SIMULATED_H
#define EDGEACC_DEVICE_SIMULATED_H

#include <stdint.h>

/* The watchdog resets a device that did not feed it through so many interrupts. */
enum { SIMULATED_PATIENCE = 8 };

#define SIMULATED_JOB 0x314C4445u /* "EDL1" */

/* A job is this header, then interrupts: each a `simulated_interrupt` and the samples that the sensor took before it,
   three int16 each. The result is the application's records. */
typedef struct {
    uint32_t magic, blob_bytes;
    float input_scale;
    int32_t input_zero_point;
    float unit_g, range_g;
    uint32_t stride;
    int32_t fixed_bits;
} simulated_header;

enum {
    SIMULATED_BUS_FAULT = 1, /* the bus does not answer until the sensor is started again */
    SIMULATED_BROWN_OUT = 2, /* the supply fails: memory holds anything */
    SIMULATED_TIMER = 4      /* the slow timer, not the watermark */
};

typedef struct {
    int64_t t_ns;
    uint32_t flags, samples;
} simulated_interrupt;

/* Sleeps until the next interrupt of the timer that stands for the sensor's. */
void simulated_wait(void);

#endif
