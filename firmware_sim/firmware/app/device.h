/* What the author of a device writes for the application: its sensor's FIFO, its timer, sleep, and where results go. */
#ifndef EDGEACC_DEVICE_H
#define EDGEACC_DEVICE_H

#include <stdint.h>

/* Why the processor woke; several may be set. */
enum {
    DEVICE_WATERMARK = 1, /* the FIFO holds as many samples as was asked for */
    DEVICE_TIMER = 2,     /* the slow timer: nothing came from the sensor */
    DEVICE_RESET = 4,     /* a simulated reset: the application returns; a real processor never sees this */
    DEVICE_END = 8        /* the simulation is over */
};

typedef enum { DEVICE_POWER_ON = 0, DEVICE_BROWN_OUT = 1, DEVICE_WATCHDOG = 2 } device_cause;

enum { DEVICE_FIFO_SAMPLES = 170 }; /* 512 entries of one axis, as the ADXL367 has (its data sheet, "FIFO") */

/* Sleeps until the next interrupt. */
uint32_t device_sleep(void);

/* Of the processor's own timer when the last interrupt came. */
int64_t device_time_ns(void);

/* Samples in the FIFO; `overrun` tells whether older ones were lost. -1 where the bus does not answer. */
int32_t device_fifo_count(int *overrun);

/* The oldest sample; 0 where the bus does not answer. */
int device_fifo_read(int16_t xyz[3]);

/* Resets and configures the sensor; its FIFO is empty then. */
void device_sensor_restart(void);

/* Tells the watchdog that all is well. */
void device_watchdog_feed(void);

/* A record of `bytes`; the result of the application. */
void device_emit(const void *record, uint32_t bytes);

#endif
