/* What the files of the core share. */
#ifndef EDGEACC_SIGNAL_INSIDE_H
#define EDGEACC_SIGNAL_INSIDE_H

#include "edgeacc_signal.h"

/* A sample on the contract's grid, for the ring; in raw units above the origin. */
void edgeacc_ring_add(edgeacc_signal *signal, const float sample[EDGEACC_AXES]);

void edgeacc_ring_clear(edgeacc_signal *signal);

/* `count` samples from `start`, which may lie outside of the window: reflected at its edges. */
void edgeacc_ring_read(const edgeacc_signal *signal, uint32_t axis, int32_t start, uint32_t count, float *x);
void edgeacc_ring_read_fixed(const edgeacc_signal *signal, uint32_t axis, int32_t start, uint32_t count, int16_t *x);

uint32_t edgeacc_resampler_bytes(const edgeacc_tables *tables);
void edgeacc_resampler_open(edgeacc_resampler *resampler, const edgeacc_tables *tables, void *memory);

/* A sample in its slot at the sensor's rate. 0 where the sensor's rate is not what the tables say. */
int edgeacc_resampler_add(edgeacc_signal *signal, int64_t t_ns, const float sample[EDGEACC_AXES]);

/* Square root to float's precision, 0 for what is not positive. */
float edgeacc_root(float x);

/* The fixed form's standard scores of one axis: as floats, or quantized. */
void edgeacc_fixed_scores(const edgeacc_signal *signal, uint32_t axis, float *z_T);
void edgeacc_fixed_input(const edgeacc_signal *signal, uint32_t axis, float scale, int32_t zero_point, int8_t *q_T);

/* Nanoseconds from the first of evenly spaced samples to number `place`, at most 2^20. */
static inline int64_t edgeacc_slot_ns(uint32_t place, uint32_t mhz)
{
    return (int64_t)(((uint64_t)place * 1000000000000u + mhz / 2u) / mhz);
}

#endif
