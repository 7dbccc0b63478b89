/* The ring that holds one window, its motion, and the float form of band-pass and standard scores. */
#include "inside.h"

#include <string.h>

enum { CHUNK = 64 };

typedef struct {
    float mean, spread; /* spread: sum of squares about the mean */
    uint32_t count;
} moments;

void edgeacc_ring_clear(edgeacc_signal *signal)
{
    signal->head = 0;
    signal->filled = 0;
    signal->clipped = 0;
    signal->until_due = signal->config.tables->samples;
    signal->due = 0;
}

static int16_t to_fixed(edgeacc_signal *signal, float x)
{
    const float y = x * (float)(1 << signal->config.fixed_bits);
    if (!(y < 32767.0f && y > -32767.0f)) {
        signal->clipped = signal->config.tables->samples;
        return y > 0 ? INT16_MAX : -INT16_MAX;
    }
    return (int16_t)(y + (y < 0 ? -0.5f : 0.5f));
}

void edgeacc_ring_add(edgeacc_signal *signal, const float sample[EDGEACC_AXES])
{
    const uint32_t samples = signal->config.tables->samples;
    signal->clipped -= signal->clipped > 0;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        const uint32_t place = axis * samples + signal->head;
        if (signal->ring) {
            signal->ring[place] = sample[axis];
        } else {
            signal->ring_fixed[place] = to_fixed(signal, sample[axis] + signal->origin[axis]);
        }
    }
    signal->head = signal->head + 1u == samples ? 0u : signal->head + 1u;
    signal->filled += signal->filled < samples;
    if (--signal->until_due == 0) {
        signal->until_due = signal->config.stride;
        signal->due = 1;
    }
}

int edgeacc_signal_due(const edgeacc_signal *signal) { return signal->due; }

/* Where sample `i` of the window lies in the ring, reflected at the window's edges. */
static uint32_t place_of(const edgeacc_signal *signal, int32_t i)
{
    const uint32_t samples = signal->config.tables->samples;
    const uint32_t from_start = (uint32_t)(i < 0 ? -i : i);
    const uint32_t inside = from_start < samples ? from_start : 2u * (samples - 1u) - from_start;
    const uint32_t place = signal->head + inside;
    return place < samples ? place : place - samples;
}

/* How many samples from `start` on lie one behind the other in the ring: 0 at the window's edges. */
static uint32_t together(const edgeacc_signal *signal, int32_t start, uint32_t count)
{
    const uint32_t samples = signal->config.tables->samples;
    if (start < 0 || (uint32_t)start >= samples) {
        return 0;
    }
    const uint32_t window = samples - (uint32_t)start, ring = samples - place_of(signal, start);
    const uint32_t both = window < ring ? window : ring;
    return both < count ? both : count;
}

void edgeacc_ring_read(const edgeacc_signal *signal, uint32_t axis, int32_t start, uint32_t count, float *x)
{
    const uint32_t first = axis * signal->config.tables->samples;
    while (count > 0) {
        const uint32_t place = first + place_of(signal, start), found = together(signal, start, count);
        const uint32_t length = found > 0 ? found : 1u;
        for (uint32_t i = 0; i < length; i++) {
            *x++ = signal->ring ? signal->ring[place + i] : (float)signal->ring_fixed[place + i];
        }
        start += (int32_t)length;
        count -= length;
    }
}

void edgeacc_ring_read_fixed(const edgeacc_signal *signal, uint32_t axis, int32_t start, uint32_t count, int16_t *x)
{
    const uint32_t first = axis * signal->config.tables->samples;
    while (count > 0) {
        const uint32_t place = first + place_of(signal, start), found = together(signal, start, count);
        const uint32_t length = found > 0 ? found : 1u;
        memcpy(x, signal->ring_fixed + place, length * sizeof *x);
        x += length;
        start += (int32_t)length;
        count -= length;
    }
}

float edgeacc_root(float x)
{
    uint32_t bits;
    float y;
    if (!(x > 0)) {
        return 0;
    }
    memcpy(&bits, &x, sizeof bits);
    bits = (bits >> 1) + 0x1FBD1DF5u; /* half the exponent: within 4 % */
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 4; i++) {
        y = 0.5f * (y + x / y);
    }
    return y;
}

/* Takes a chunk's moments into those of the chunks before it (Chan, Golub, LeVeque 1983, The American Statistician 37). */
static void take_in(moments *all, const float *x, uint32_t count)
{
    float sum = 0, spread = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += x[i] - x[0];
    }
    const float mean = x[0] + sum / (float)count;
    for (uint32_t i = 0; i < count; i++) {
        spread += (x[i] - mean) * (x[i] - mean);
    }
    const float apart = mean - all->mean, share = (float)count / (float)(all->count + count);
    all->spread += spread + apart * apart * share * (float)all->count;
    all->mean += apart * share;
    all->count += count;
}

static uint32_t chunk_at(uint32_t start, uint32_t samples) { return samples - start < CHUNK ? samples - start : CHUNK; }

float edgeacc_signal_motion_mg(const edgeacc_signal *signal)
{
    const uint32_t samples = signal->config.tables->samples;
    const float ring_unit_g = signal->config.unit_g / (signal->ring ? 1.0f : (float)(1 << signal->config.fixed_bits));
    float power = 0, x[CHUNK];
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        moments all = {0, 0, 0};
        for (uint32_t start = 0; start < samples; start += CHUNK) {
            const uint32_t count = chunk_at(start, samples);
            edgeacc_ring_read(signal, axis, (int32_t)start, count, x);
            take_in(&all, x, count);
        }
        power += all.spread / (float)samples;
    }
    return 1000.0f * ring_unit_g * edgeacc_root(power);
}

/* Four neighbours at a time share the loads of the taps; `middle` is where the first of them lies. */
static void four_sums(const edgeacc_tables *tables, const float *middle, float *y)
{
    const float *before = middle, *after = middle, *band = tables->band;
    float a = band[0] * middle[0], b = band[0] * middle[1], c = band[0] * middle[2], d = band[0] * middle[3];
    for (uint32_t k = tables->band_half; k > 0; k--) {
        const float tap = *++band;
        before--;
        after++;
        a += tap * (after[0] + before[0]);
        b += tap * (after[1] + before[1]);
        c += tap * (after[2] + before[2]);
        d += tap * (after[3] + before[3]);
    }
    y[0] = a;
    y[1] = b;
    y[2] = c;
    y[3] = d;
}

/* Band-passed samples; `y` has room for CHUNK. The taps sum to zero, so any constant may be taken off first; it keeps the
   sums exact. */
static void band_pass(const edgeacc_signal *signal, uint32_t axis, uint32_t start, uint32_t count, float *y)
{
    const edgeacc_tables *tables = signal->config.tables;
    const uint32_t half = tables->band_half, held = count + 2u * half;
    float x[CHUNK + 2 * EDGEACC_MOST_BAND + 3];
    edgeacc_ring_read(signal, axis, (int32_t)start - (int32_t)half, held, x);
    x[held] = x[held + 1u] = x[held + 2u] = 0;
    const float level = x[half + count / 2u];
    for (uint32_t i = 0; i < held; i++) {
        x[i] -= level;
    }
    for (uint32_t i = 0; i < count; i += 4u) {
        four_sums(tables, x + i + half, y + i);
    }
}

static moments moments_of(const edgeacc_signal *signal, uint32_t axis)
{
    const uint32_t samples = signal->config.tables->samples;
    moments all = {0, 0, 0};
    float y[CHUNK];
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        band_pass(signal, axis, start, chunk_at(start, samples), y);
        take_in(&all, y, chunk_at(start, samples));
    }
    return all;
}

static float divisor(const edgeacc_signal *signal, const moments *all)
{
    const float deviation = edgeacc_root(all->spread / (float)all->count);
    const float floor = signal->config.tables->floor_g / signal->config.unit_g;
    return deviation > floor ? deviation : floor;
}

static void chunk_scores(const edgeacc_signal *signal, uint32_t axis, uint32_t start, const moments *all, float *z)
{
    const uint32_t count = chunk_at(start, signal->config.tables->samples);
    const float by = divisor(signal, all);
    band_pass(signal, axis, start, count, z);
    for (uint32_t i = 0; i < count; i++) {
        z[i] = (z[i] - all->mean) / by;
    }
}

void edgeacc_signal_scores(const edgeacc_signal *signal, uint32_t axis, float *z_T)
{
    if (signal->ring_fixed) {
        edgeacc_fixed_scores(signal, axis, z_T);
        return;
    }
    const uint32_t samples = signal->config.tables->samples;
    const moments all = moments_of(signal, axis);
    float z[CHUNK];
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        chunk_scores(signal, axis, start, &all, z);
        memcpy(z_T + start, z, chunk_at(start, samples) * sizeof z[0]);
    }
}

static int8_t quantized(float z, float scale, int32_t zero_point)
{
    const float steps = z / scale;
    const float bounded = steps < -512.0f ? -512.0f : steps > 512.0f ? 512.0f : steps;
    const int32_t q = (int32_t)(bounded + (bounded < 0 ? -0.5f : 0.5f)) + zero_point;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

static void float_input(const edgeacc_signal *signal, uint32_t axis, float scale, int32_t zero_point, int8_t *q_T)
{
    const uint32_t samples = signal->config.tables->samples;
    const moments all = moments_of(signal, axis);
    float z[CHUNK];
    for (uint32_t start = 0; start < samples; start += CHUNK) {
        chunk_scores(signal, axis, start, &all, z);
        for (uint32_t i = 0; i < chunk_at(start, samples); i++) {
            q_T[start + i] = quantized(z[i], scale, zero_point);
        }
    }
}

int edgeacc_signal_input(const edgeacc_signal *signal, float scale, int32_t zero_point, int8_t *q_CT)
{
    const int possible = scale >= 1.0f / 32768.0f && scale <= 32768.0f && zero_point >= -128 && zero_point <= 127;
    if (!signal->due || !possible) {
        return 0;
    }
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        int8_t *q_T = q_CT + axis * signal->config.tables->samples;
        if (signal->ring_fixed) {
            edgeacc_fixed_input(signal, axis, scale, zero_point, q_T);
        } else {
            float_input(signal, axis, scale, zero_point, q_T);
        }
    }
    return 1;
}
