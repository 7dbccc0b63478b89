/* The fixed form of band-pass and standard scores: samples of 16 bits, taps in Q31, sums of 64 bits, scores in Q16.

   |z - exact z| <= 0.006 / sigma + 2^-14, where sigma is the band-passed axis's standard deviation in units of the ring:
   the band-pass is exact but for rounding to 1/256 of a unit and the taps' to 2^-31; the mean is rounded to 1/256. */
#include "inside.h"

enum { CHUNK = 64, FINE = 8, SCORE_BITS = 16 };

typedef struct {
    int32_t mean;     /* of the band-passed axis, 1/256 of a unit */
    uint64_t inverse; /* score = (y - mean) * inverse >> shift, in Q16; 0 of a constant axis */
    uint32_t shift;
} standard;

static int32_t rounded(int64_t sum) { return (int32_t)((sum + ((int64_t)1 << (30 - FINE))) >> (31 - FINE)); }

/* Two neighbours at a time share the loads of the taps; `y` has room for CHUNK. */
static void band_pass(const edgeacc_signal *signal, uint32_t axis, uint32_t start, uint32_t count, int32_t *y)
{
    const edgeacc_tables *tables = signal->config.tables;
    const uint32_t half = tables->band_half, held = count + 2u * half;
    int16_t x[CHUNK + 2 * EDGEACC_MOST_BAND + 1];
    edgeacc_ring_read_fixed(signal, axis, (int32_t)start - (int32_t)half, held, x);
    x[held] = 0;
    for (uint32_t i = 0; i < count; i += 2u) {
        const int16_t *before = x + i + half, *after = before;
        const int32_t *band = tables->band_q31;
        int64_t a = (int64_t)band[0] * before[0], b = (int64_t)band[0] * before[1];
        for (uint32_t k = half; k > 0; k--) {
            const int32_t tap = *++band;
            before--;
            after++;
            a += (int64_t)tap * ((int32_t)after[0] + (int32_t)before[0]);
            b += (int64_t)tap * ((int32_t)after[1] + (int32_t)before[1]);
        }
        y[i] = rounded(a);
        y[i + 1u] = rounded(b);
    }
}

static uint32_t chunk_at(uint32_t start, uint32_t samples) { return samples - start < CHUNK ? samples - start : CHUNK; }

static uint32_t root(uint64_t x)
{
    uint64_t found = 0, bit = (uint64_t)1 << 62;
    for (; bit > 0; bit >>= 2) {
        if (x >= found + bit) {
            x -= found + bit;
            found = (found >> 1) + bit;
        } else {
            found >>= 1;
        }
    }
    return (uint32_t)found;
}

static standard standard_of(const edgeacc_signal *signal, uint32_t axis)
{
    const uint32_t samples = signal->config.tables->samples;
    int32_t y[CHUNK];
    int64_t sum = 0;
    uint64_t squares = 0;
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        band_pass(signal, axis, start, chunk_at(start, samples), y);
        for (uint32_t i = 0; i < chunk_at(start, samples); i++) {
            sum += y[i];
            squares += (uint64_t)((int64_t)y[i] * y[i]);
        }
    }
    const int64_t half = (int64_t)(samples / 2u);
    const int64_t mean = (sum + (sum < 0 ? -half : half)) / (int64_t)samples;
    const uint64_t about_mean = squares - 2u * (uint64_t)mean * (uint64_t)sum + samples * (uint64_t)mean * (uint64_t)mean;
    uint64_t variance = about_mean / samples;
    standard found = {(int32_t)mean, 0, 0};
    if (variance == 0) {
        return found;
    }
    uint32_t up = 0;
    for (; variance >> 60 == 0; variance <<= 2) {
        up++;
    }
    found.inverse = ((uint64_t)1 << 62) / root(variance);
    found.shift = 62u - SCORE_BITS - up;
    return found;
}

static int32_t score(const standard *by, int32_t y)
{
    return (int32_t)(((int64_t)(y - by->mean) * (int64_t)by->inverse) >> by->shift);
}

void edgeacc_fixed_scores(const edgeacc_signal *signal, uint32_t axis, float *z_T)
{
    const uint32_t samples = signal->config.tables->samples;
    const standard by = standard_of(signal, axis);
    int32_t y[CHUNK];
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        band_pass(signal, axis, start, chunk_at(start, samples), y);
        for (uint32_t i = 0; i < chunk_at(start, samples); i++) {
            z_T[start + i] = (float)score(&by, y[i]) / (float)(1 << SCORE_BITS);
        }
    }
}

/* Halves away from zero, within int8. */
static int8_t quantized(int32_t score_q16, int64_t per_step_q16, int32_t zero_point)
{
    const int64_t steps_q32 = (int64_t)score_q16 * per_step_q16;
    const int64_t half = (int64_t)1 << 31;
    const int64_t steps = steps_q32 < 0 ? -((half - steps_q32) >> 32) : (steps_q32 + half) >> 32;
    const int64_t q = steps + zero_point;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

void edgeacc_fixed_input(const edgeacc_signal *signal, uint32_t axis, float scale, int32_t zero_point, int8_t *q_T)
{
    const uint32_t samples = signal->config.tables->samples;
    const int64_t per_step_q16 = (int64_t)(65536.0f / scale + 0.5f);
    const standard by = standard_of(signal, axis);
    int32_t y[CHUNK];
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        band_pass(signal, axis, start, chunk_at(start, samples), y);
        for (uint32_t i = 0; i < chunk_at(start, samples); i++) {
            q_T[start + i] = quantized(score(&by, y[i]), per_step_q16, zero_point);
        }
    }
}
