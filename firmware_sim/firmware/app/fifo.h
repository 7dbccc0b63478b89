/* The driver of a sensor's FIFO: samples in their order, each with its time on the processor's clock. */
#ifndef EDGEACC_FIFO_H
#define EDGEACC_FIFO_H

#include <stdint.h>

typedef struct {
    int64_t period_ns, learned_ns; /* as the sensor's rate says, and as the processor's clock found it */
    int64_t last_ns;               /* of the newest sample that was read */
    int32_t has_last, batches;
} fifo;

typedef enum {
    FIFO_READ,
    FIFO_OVERRUN,
    FIFO_BUS /* the bus does not answer, or says what cannot be: a count, a time */
} fifo_status;

typedef void fifo_taker(void *context, int64_t t_ns, const int16_t xyz[3]);

void fifo_open(fifo *f, uint32_t period_ns);

/* Reads all samples there are and gives them to `take`. The newest has the time of the interrupt, the others are spread
   evenly behind the newest of the last call: so the processor's clock measures the sensor's. Where there are fewer than
   the time that passed asks for, they are stamped by the spacing so far, so that the hole shows in the times. After an
   overrun it is not known which samples were lost: all in the FIFO are dropped. */
fifo_status fifo_drain(fifo *f, int64_t now_ns, fifo_taker *take, void *context, uint32_t *taken);

#endif
