/* The signal contract on a device: samples of an accelerometer in, windows as the network was trained on out.

   The arithmetic is that of edgeacc.signals in Python. C99, no heap, no global state, and of the C library only memcpy;
   right shifts of negative integers are taken to be arithmetic, as in GCC and Clang. All memory is the caller's.

   Order of calls: edgeacc_signal_open, then edgeacc_signal_push for each sample. When edgeacc_signal_due answers 1,
   edgeacc_signal_verdict says whether the window may be used; if it says EDGEACC_USE, edgeacc_signal_input writes the
   network's input. Whatever breaks the stream (a long gap, a wrong rate, a clock that jumps) empties the window, so that
   no window ever holds samples from both sides of it. */
#ifndef EDGEACC_SIGNAL_H
#define EDGEACC_SIGNAL_H

#include <stdint.h>

enum { EDGEACC_AXES = 3 };

/* What of a contract and of a sensor's rate does not change; written by edgeacc.signals.core.tables. */
typedef struct {
    uint32_t source_mhz, rate_mhz; /* the sensor's rate and the contract's, 1/1000 Hz */
    uint32_t samples;              /* T: of a window, at the contract's rate */
    uint32_t source_samples;       /* of a window, at the sensor's rate */
    uint32_t longest_gap;          /* missing samples in a row, at the sensor's rate, that are filled */
    float range_g, low_motion_g, off_wrist_g, floor_g;
    uint32_t band_half;      /* taps on each side of the middle one */
    const float *band;       /* band_half + 1 taps from the middle one */
    const int32_t *band_q31; /* the same, times 2^31; with both sides they sum to 0 */
    /* Windowed sincs, one half, from the middle: `density` entries for each sample, one 0 behind the last. Half is 0
       where the rates are equal. */
    uint32_t sinc_half, sinc_density;
    const float *sinc; /* to the contract's rate */
    uint32_t even_half, even_density;
    const float *even; /* from jittered times to even ones */
} edgeacc_tables;

/* How the sensor lies in the contract's frame: out[i] = sign[i] * raw[from[i]]. */
typedef struct {
    uint8_t from[EDGEACC_AXES];
    int8_t sign[EDGEACC_AXES];
} edgeacc_frame;

typedef enum { EDGEACC_APPLE, EDGEACC_ANDROID } edgeacc_platform;
typedef enum { EDGEACC_LEFT, EDGEACC_RIGHT } edgeacc_side;

/* The frame of a watch. The contract's frame is that of a watch on the left wrist with its crown at the hand's side, face
   up +1 g: x towards the hand, y up the screen, z out of it. Apple's signs are opposite on all axes; a crown at the
   other side turns the case by 180 degrees; the right wrist is the left one's mirror image. Returns 0 for other values. */
int edgeacc_frame_of_watch(edgeacc_platform platform, edgeacc_side wrist, edgeacc_side crown, edgeacc_frame *frame);

typedef struct {
    const edgeacc_tables *tables;
    edgeacc_frame frame;
    float unit_g;       /* of one unit of a raw sample; 1 where samples are in g */
    float range_g;      /* the sensor's own; at this a sample is saturated */
    uint32_t stride;    /* a window is due every so many samples of the contract's rate, at least 0.5 s and 64 */
    int32_t fixed_bits; /* fixed form: a raw unit is 2^fixed_bits of the ring's; -1 asks for the float form */
} edgeacc_config;

/* What a pushed sample did. */
typedef enum {
    EDGEACC_TAKEN,
    EDGEACC_MISSING,   /* no number, the code of none (-32768), or a time that is none (negative, from 2^62): a missing sample, filled if the gap is short */
    EDGEACC_DUPLICATE, /* its time is that of the last sample or up to 1 s before: dropped */
    EDGEACC_CLOCK,     /* its time is more than 1 s before the last: all starts anew */
    EDGEACC_GAP,       /* it comes behind a gap that is too long to fill: all starts anew */
    EDGEACC_RATE       /* the sensor is more than 5 % off its rate: all starts anew */
} edgeacc_taken;

/* What may be done with a due window. */
typedef enum {
    EDGEACC_USE,
    EDGEACC_SATURATED, /* more than 3 samples of an axis at the end of the range, or beyond what the ring holds */
    EDGEACC_FROZEN,    /* an axis holds one value for more than half of the window */
    EDGEACC_MOTION,
    EDGEACC_OFF_WRIST, /* less than a worn wrist's motion */
    EDGEACC_NOT_DUE
} edgeacc_verdict;

enum { EDGEACC_MOST_SATURATED = 3, EDGEACC_MOST_BAND = 128 };

/* The rest is the core's own: callers read nothing of it. */

typedef struct {
    uint32_t saturated_at[EDGEACC_MOST_SATURATED + 1]; /* the last ones, in a circle */
    uint32_t saturated, run_start, long_start, long_end;
    int has_long;
    float last;
} edgeacc_axis_state;

typedef struct {
    float start_ns, drift_ns, period_ns; /* of slot 0 after the first time; per slot beyond the nominal; of a slot */
} edgeacc_clock;

typedef struct {
    int64_t *t_ns;
    float *x, *u, *off; /* (3, capacity), (3, capacity), (capacity) */
    uint32_t capacity, margin, block, count;
    int64_t next_ns;
    uint32_t next_rest, started;
    edgeacc_clock clock;
} edgeacc_resampler;

typedef struct {
    edgeacc_config config;
    edgeacc_resampler resampler;
    float *ring; /* (3, T) in raw units above `origin`; of the fixed form NULL */
    int16_t *ring_fixed;
    uint32_t head, filled, until_due, clipped; /* `clipped`: samples until the last clipped one leaves */
    int due;
    float origin[EDGEACC_AXES], before[EDGEACC_AXES];
    int64_t last_ns, checked_ns;
    uint32_t seen, received, has_last, jitter_ns, rate_known;
    edgeacc_axis_state axes[EDGEACC_AXES];
} edgeacc_signal;

/* Memory that a signal needs beside the structure, aligned to 8 bytes; 0 where the configuration is not possible. */
uint32_t edgeacc_signal_bytes(const edgeacc_config *config);

/* 1, or 0 where the configuration is not possible or the memory too small. Called again, it forgets everything. */
int edgeacc_signal_open(edgeacc_signal *signal, const edgeacc_config *config, void *memory, uint32_t bytes);

/* One sample, its time on the sensor's own clock. */
edgeacc_taken edgeacc_signal_push(edgeacc_signal *signal, int64_t t_ns, const float raw[EDGEACC_AXES]);
edgeacc_taken edgeacc_signal_push_raw(edgeacc_signal *signal, int64_t t_ns, const int16_t raw[EDGEACC_AXES]);

/* Whether a window became due with the last sample. */
int edgeacc_signal_due(const edgeacc_signal *signal);

edgeacc_verdict edgeacc_signal_verdict(const edgeacc_signal *signal);

/* Of the window in the ring: the root of the axes' summed variances, in mg. */
float edgeacc_signal_motion_mg(const edgeacc_signal *signal);

/* Standard scores of one axis (0 to 2) of the window that is due. */
void edgeacc_signal_scores(const edgeacc_signal *signal, uint32_t axis, float *z_T);

/* The window that is due, quantized as the network's input: round(z / scale) + zero_point, halves away from zero, within
   int8; (3, T). `scale` is between 2^-15 and 2^15. 1, or 0 where no window is due: then nothing is written. */
int edgeacc_signal_input(const edgeacc_signal *signal, float scale, int32_t zero_point, int8_t *q_CT);

#endif
