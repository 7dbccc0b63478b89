/* From the sensor's own, jittered times to the contract's grid by windowed sincs.

   A block of slots is taken at a time. A straight line through its times tells the sensor's clock there: offset and
   drift. How far each sample lies off the line is its jitter; what that did to it is undone by the fixed-point iteration
   u = x + S(line) u - S(times) u, S being interpolation by the windowed sinc `even` (each sweep leaves about
   2 pi * frequency * jitter of the error of the one before). The windowed sinc `sinc`, a low-pass, gives the grid's values.
   For evenly spaced times this is `edgeacc.signals.resample.resample`. */
#include "inside.h"

enum { SWEEPS = 4, SMALLEST_BLOCK = 32, SLACK = 2 };
#define EVEN_NS 1000.0f      /* less jitter than this is left alone: 1e-4 of 18 Hz */
#define LARGEST_DRIFT 0.06f  /* of the line; a rate 5 % off is refused by the count of samples */

static void plan(edgeacc_resampler *r, const edgeacc_tables *tables)
{
    const uint32_t quarter_second = tables->source_mhz / 4000u;
    r->block = quarter_second > SMALLEST_BLOCK ? quarter_second : SMALLEST_BLOCK;
    r->margin = tables->sinc_half + 2u * tables->even_half + SLACK;
    r->capacity = r->block + 2u * r->margin;
}

uint32_t edgeacc_resampler_bytes(const edgeacc_tables *tables)
{
    edgeacc_resampler r;
    if (tables->sinc_half == 0) {
        return 0;
    }
    plan(&r, tables);
    const uint32_t each = (uint32_t)(sizeof(int64_t) + (2 * EDGEACC_AXES + 1) * sizeof(float));
    return (r.capacity * each + 7u) & ~7u;
}

void edgeacc_resampler_open(edgeacc_resampler *r, const edgeacc_tables *tables, void *memory)
{
    plan(r, tables);
    r->t_ns = memory;
    r->x = (float *)(void *)(r->t_ns + r->capacity);
    r->u = r->x + EDGEACC_AXES * r->capacity;
    r->off = r->u + EDGEACC_AXES * r->capacity;
    r->count = 0;
    r->started = 0;
}

/* A symmetric kernel between its entries. */
static float kernel_at(const float *half_kernel, uint32_t half, uint32_t density, float distance)
{
    const float place = (distance < 0 ? -distance : distance) * (float)density;
    if (!(place < (float)(half * density))) {
        return 0;
    }
    const uint32_t before = (uint32_t)place;
    const float share = place - (float)before;
    return half_kernel[before] + share * (half_kernel[before + 1u] - half_kernel[before]);
}

/* Into `off`: how much later than after even slots each sample came, ns. */
static void measure_lateness(edgeacc_resampler *r, uint32_t source_mhz)
{
    for (uint32_t i = 0; i < r->capacity; i++) {
        r->off[i] = (float)(r->t_ns[i] - r->t_ns[0] - edgeacc_slot_ns(i, source_mhz));
    }
}

/* Least squares. */
static edgeacc_clock fit(const edgeacc_resampler *r, uint32_t source_mhz)
{
    const float middle = 0.5f * (float)(r->capacity - 1u);
    float sum = 0, product = 0, square = 0;
    for (uint32_t i = 0; i < r->capacity; i++) {
        const float place = (float)i - middle;
        sum += r->off[i];
        product += place * r->off[i];
        square += place * place;
    }
    const float drift = product / square;
    const edgeacc_clock found = {sum / (float)r->capacity - drift * middle, drift, 1e12f / (float)source_mhz + drift};
    return found;
}

/* From lateness to jitter, in slots; the largest. */
static float measure_jitter(edgeacc_resampler *r)
{
    const edgeacc_clock *clock = &r->clock;
    float largest = 0;
    for (uint32_t i = 0; i < r->capacity; i++) {
        r->off[i] = (r->off[i] - clock->start_ns - clock->drift_ns * (float)i) / clock->period_ns;
        const float size = r->off[i] < 0 ? -r->off[i] : r->off[i];
        largest = size > largest ? size : largest;
    }
    return largest;
}

static void undo_jitter_at(edgeacc_resampler *r, const edgeacc_tables *tables, uint32_t k)
{
    const uint32_t reach = tables->even_half + 1u;
    const uint32_t from = k > reach ? k - reach : 0u;
    const uint32_t to = k + reach < r->capacity - 1u ? k + reach : r->capacity - 1u;
    float moved[EDGEACC_AXES] = {0, 0, 0};
    for (uint32_t i = from; i <= to; i++) {
        const float distance = (float)k - (float)i;
        const float weight = kernel_at(tables->even, tables->even_half, tables->even_density, distance) -
                             kernel_at(tables->even, tables->even_half, tables->even_density, distance + r->off[k]);
        for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
            const float *u = r->u + axis * r->capacity;
            moved[axis] += weight * (u[i] - u[k]);
        }
    }
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        r->u[axis * r->capacity + k] = r->x[axis * r->capacity + k] + moved[axis];
    }
}

static void undo_jitter(edgeacc_resampler *r, const edgeacc_tables *tables)
{
    for (uint32_t sweep = 0; sweep < SWEEPS; sweep++) {
        for (uint32_t k = 0; k < r->capacity; k++) {
            undo_jitter_at(r, tables, k);
        }
    }
}

/* Adds the samples from `i` on, `by` (1 or -1) apart, the first `distance` slots away and each one slot further: the
   place between the kernel's entries is the same for all. */
static void add_side(const edgeacc_resampler *r, const edgeacc_tables *tables, uint32_t i, int32_t by, float distance, float *y)
{
    const uint32_t density = tables->sinc_density, end = tables->sinc_half * density;
    const float place = distance * (float)density;
    uint32_t entry = (uint32_t)place;
    const float share = place - (float)entry;
    for (; entry < end && i < r->capacity; entry += density, i += (uint32_t)by) {
        const float weight = tables->sinc[entry] + share * (tables->sinc[entry + 1u] - tables->sinc[entry]);
        const float *u = r->u + i;
        y[0] += weight * u[0];
        y[1] += weight * u[r->capacity];
        y[2] += weight * u[2u * r->capacity];
    }
}

/* The grid's value `part` (0 to 1) slots behind slot `whole`. */
static void emit(edgeacc_signal *signal, uint32_t whole, float part)
{
    const edgeacc_tables *tables = signal->config.tables;
    float y[EDGEACC_AXES] = {0, 0, 0};
    add_side(&signal->resampler, tables, whole, -1, part, y);
    add_side(&signal->resampler, tables, whole + 1u, 1, 1.0f - part, y);
    edgeacc_ring_add(signal, y);
}

static void step(edgeacc_resampler *r, uint32_t rate_mhz)
{
    r->next_ns += (int64_t)(1000000000000u / rate_mhz);
    r->next_rest += (uint32_t)(1000000000000u % rate_mhz);
    if (r->next_rest >= rate_mhz) {
        r->next_rest -= rate_mhz;
        r->next_ns += 1;
    }
}

/* Where the next value of the grid lies: after slot `whole`, by `part` slots. */
static float place_of_next(const edgeacc_resampler *r, uint32_t source_mhz, const edgeacc_clock *clock, uint32_t *whole)
{
    const int64_t after_ns = r->next_ns - r->t_ns[0];
    *whole = after_ns <= 0 ? 0u : (uint32_t)((uint64_t)after_ns * source_mhz / 1000000000000u);
    const float rest_ns = (float)(after_ns - edgeacc_slot_ns(*whole, source_mhz));
    float part = (rest_ns - clock->start_ns - clock->drift_ns * (float)*whole) / clock->period_ns;
    for (; part < 0 && *whole > 0; part += 1.0f) {
        *whole -= 1u;
    }
    for (; part >= 1.0f; part -= 1.0f) {
        *whole += 1u;
    }
    return part;
}

static void forget_block(edgeacc_resampler *r)
{
    r->count = r->capacity - r->block;
    for (uint32_t i = 0; i < r->count; i++) {
        r->t_ns[i] = r->t_ns[i + r->block];
        for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
            r->x[axis * r->capacity + i] = r->x[axis * r->capacity + i + r->block];
        }
    }
}

/* The block's values of the grid, up to one with which a window is due. */
static void give(edgeacc_signal *signal)
{
    const edgeacc_tables *tables = signal->config.tables;
    edgeacc_resampler *r = &signal->resampler;
    for (;;) {
        uint32_t whole;
        const float part = place_of_next(r, tables->source_mhz, &r->clock, &whole);
        if (whole >= r->margin + r->block) {
            forget_block(r);
            return;
        }
        step(r, tables->rate_mhz);
        if (r->started || whole >= r->margin) {
            r->started = 1;
            emit(signal, whole, part);
            if (signal->due) {
                return;
            }
        }
    }
}

static int take_block(edgeacc_signal *signal)
{
    const edgeacc_tables *tables = signal->config.tables;
    edgeacc_resampler *r = &signal->resampler;
    const float largest_ns = LARGEST_DRIFT * 1e12f / (float)tables->source_mhz;
    measure_lateness(r, tables->source_mhz);
    r->clock = fit(r, tables->source_mhz);
    if (r->clock.drift_ns > largest_ns || r->clock.drift_ns < -largest_ns) {
        return 0;
    }
    for (uint32_t i = 0; i < EDGEACC_AXES * r->capacity; i++) {
        r->u[i] = r->x[i];
    }
    if (measure_jitter(r) * r->clock.period_ns > EVEN_NS) {
        undo_jitter(r, tables);
    }
    give(signal);
    return 1;
}

int edgeacc_resampler_add(edgeacc_signal *signal, int64_t t_ns, const float sample[EDGEACC_AXES])
{
    edgeacc_resampler *r = &signal->resampler;
    while (r->count == r->capacity) { /* a due window stopped it */
        give(signal);
    }
    if (r->count == 0) {
        r->next_ns = t_ns;
        r->next_rest = 0;
    }
    r->t_ns[r->count] = t_ns;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        r->x[axis * r->capacity + r->count] = sample[axis];
    }
    r->count++;
    return r->count < r->capacity || take_block(signal);
}
