/* From the sensor's samples to slots of its rate: units, frame, missing and repeated samples, the clock, the range. */
#include "inside.h"

#define CLOCK_STEP_NS 1000000000
#define FIRST_JITTER_NS 1000000
#define MOST_LATE_NS 10000000
#define NO_VALUE 2e6f /* beyond what is taken */
#define LATEST_NS ((int64_t)1 << 62)
enum { RATE_CHECK_S = 16, REMEMBERED = 32, SHORTEST_STRIDE = 64, LONGEST_FIXED = 1 << 14 /* sums of squares of 64 bits */ };

static uint32_t ring_bytes(const edgeacc_config *config)
{
    const uint32_t each = config->fixed_bits < 0 ? (uint32_t)sizeof(float) : (uint32_t)sizeof(int16_t);
    return (EDGEACC_AXES * config->tables->samples * each + 7u) & ~7u;
}

static int is_possible(const edgeacc_config *config)
{
    const edgeacc_tables *tables = config->tables;
    const edgeacc_frame *frame = &config->frame;
    uint32_t axes = 0;
    for (uint32_t i = 0; i < EDGEACC_AXES; i++) {
        if (frame->from[i] >= EDGEACC_AXES || (frame->sign[i] != 1 && frame->sign[i] != -1)) {
            return 0;
        }
        axes |= 1u << frame->from[i];
    }
    return axes == 7u && config->unit_g > 0 && config->range_g > 0 && config->fixed_bits <= 15 &&
           config->stride >= SHORTEST_STRIDE && config->stride >= tables->rate_mhz / 2000u &&
           tables->band_half <= EDGEACC_MOST_BAND && tables->samples > tables->band_half &&
           tables->samples <= (config->fixed_bits < 0 ? 1u << 20 : LONGEST_FIXED) && (tables->sinc_half > 0 || tables->source_mhz == tables->rate_mhz);
}

uint32_t edgeacc_signal_bytes(const edgeacc_config *config)
{
    return is_possible(config) ? ring_bytes(config) + edgeacc_resampler_bytes(config->tables) : 0u;
}

static void begin_anew(edgeacc_signal *signal)
{
    edgeacc_ring_clear(signal);
    signal->resampler.count = 0;
    signal->resampler.started = 0;
    signal->has_last = 0;
    signal->seen = 0;
    signal->received = 0;
    signal->rate_known = 0;
    signal->jitter_ns = FIRST_JITTER_NS;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        signal->axes[axis].saturated = 0;
        signal->axes[axis].run_start = 0;
        signal->axes[axis].has_long = 0;
    }
}

int edgeacc_signal_open(edgeacc_signal *signal, const edgeacc_config *config, void *memory, uint32_t bytes)
{
    const uint32_t needed = edgeacc_signal_bytes(config);
    if (needed == 0 || bytes < needed || (uintptr_t)memory % 8u != 0) {
        return 0;
    }
    uint8_t *behind = (uint8_t *)memory + edgeacc_resampler_bytes(config->tables);
    signal->config = *config;
    edgeacc_resampler_open(&signal->resampler, config->tables, memory);
    signal->ring = config->fixed_bits < 0 ? (float *)(void *)behind : 0;
    signal->ring_fixed = config->fixed_bits < 0 ? 0 : (int16_t *)(void *)behind;
    begin_anew(signal);
    return 1;
}

/* What makes a window unusable, at the sensor's rate: times of samples at the end of the range, and of runs of one value. */
static void watch_axis(edgeacc_signal *signal, uint32_t axis, float x, int filled)
{
    edgeacc_axis_state *state = &signal->axes[axis];
    const edgeacc_tables *tables = signal->config.tables;
    const float range_g = signal->config.range_g < tables->range_g ? signal->config.range_g : tables->range_g;
    const float limit = range_g * (1.0f - 1e-6f) / signal->config.unit_g;
    if (!filled && (x >= limit || x <= -limit)) {
        state->saturated_at[state->saturated % (EDGEACC_MOST_SATURATED + 1)] = signal->seen;
        state->saturated++;
    }
    if (signal->seen == 0 || filled || x != state->last) {
        state->run_start = signal->seen;
    } else if (2u * (signal->seen - state->run_start) > tables->source_samples) {
        state->has_long = 1;
        state->long_start = state->run_start;
        state->long_end = signal->seen;
    }
    state->last = filled ? NO_VALUE : x;
}

/* 1, or 0 where the sensor's rate is wrong. */
static int add(edgeacc_signal *signal, int64_t t_ns, const float x[EDGEACC_AXES], int filled)
{
    float above[EDGEACC_AXES];
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        watch_axis(signal, axis, x[axis], filled);
        above[axis] = x[axis] - signal->origin[axis];
    }
    signal->seen++;
    if (signal->config.tables->sinc_half > 0) {
        return edgeacc_resampler_add(signal, t_ns, above);
    }
    edgeacc_ring_add(signal, above);
    return 1;
}

static int fill(edgeacc_signal *signal, int64_t t_ns, const float x[EDGEACC_AXES], uint32_t missing)
{
    const int64_t from_ns = signal->last_ns;
    float before[EDGEACC_AXES], between[EDGEACC_AXES];
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        before[axis] = signal->before[axis];
    }
    for (uint32_t i = 1; i <= missing; i++) {
        const float share = (float)i / (float)(missing + 1u);
        for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
            between[axis] = before[axis] + share * (x[axis] - before[axis]);
        }
        if (!add(signal, from_ns + (t_ns - from_ns) * (int64_t)i / (int64_t)(missing + 1u), between, 1)) {
            return 0;
        }
    }
    return 1;
}

/* Whether as many samples came, repeated ones and those without a number too, as the sensor's rate says, to 5 %. Asked
   after RATE_CHECK_S of time or of samples, and before a first window is given. */
static int rate_is_right(edgeacc_signal *signal, int64_t t_ns)
{
    const edgeacc_tables *tables = signal->config.tables;
    const uint32_t enough = (uint32_t)((uint64_t)RATE_CHECK_S * tables->source_mhz / 1000u);
    const int64_t passed_ns = t_ns - signal->checked_ns;
    const int first_window = signal->due && !signal->rate_known;
    if (signal->received < enough && passed_ns < (int64_t)RATE_CHECK_S * 1000000000 && !first_window) {
        return 1;
    }
    const uint64_t expected = (uint64_t)passed_ns / 1000u * tables->source_mhz / 1000000u; /* thousandths */
    const uint64_t came = (uint64_t)signal->received * 1000u;
    signal->checked_ns = t_ns;
    signal->received = 0;
    signal->rate_known = 1;
    return came * 100u >= expected * 95u && came * 100u <= expected * 105u;
}

static void keep(edgeacc_signal *signal, int64_t t_ns, const float x[EDGEACC_AXES])
{
    signal->last_ns = t_ns;
    signal->has_last = 1;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        signal->before[axis] = x[axis];
    }
}

static edgeacc_taken first(edgeacc_signal *signal, int64_t t_ns, const float x[EDGEACC_AXES], edgeacc_taken why)
{
    begin_anew(signal);
    signal->checked_ns = t_ns;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        signal->origin[axis] = x[axis];
    }
    (void)add(signal, t_ns, x, 0);
    keep(signal, t_ns, x);
    return why;
}

/* Samples missing between two neighbours so far apart: one from 1.5 periods on, later where times jitter much. */
static uint64_t missing_in(edgeacc_signal *signal, uint64_t apart_ns)
{
    const uint64_t period_ns = (uint64_t)edgeacc_slot_ns(1, signal->config.tables->source_mhz);
    const uint64_t usual_ns = 6u * (uint64_t)signal->jitter_ns, most_ns = usual_ns < MOST_LATE_NS ? usual_ns : MOST_LATE_NS;
    const uint64_t late_ns = period_ns / 2u > most_ns ? period_ns / 2u : most_ns;
    const uint64_t off_ns = apart_ns > period_ns ? apart_ns - period_ns : period_ns - apart_ns;
    const uint64_t bounded_ns = off_ns < MOST_LATE_NS ? off_ns : MOST_LATE_NS;
    signal->jitter_ns = (uint32_t)(((uint64_t)signal->jitter_ns * (REMEMBERED - 1) + bounded_ns) / REMEMBERED);
    return apart_ns > period_ns + late_ns ? (apart_ns + period_ns / 2u) / period_ns - 1u : 0u;
}

static edgeacc_taken push(edgeacc_signal *signal, int64_t t_ns, const float x[EDGEACC_AXES])
{
    if (!signal->has_last) {
        return first(signal, t_ns, x, EDGEACC_TAKEN);
    }
    signal->received++;
    if (t_ns <= signal->last_ns) {
        const uint64_t back_ns = (uint64_t)signal->last_ns - (uint64_t)t_ns;
        return back_ns <= CLOCK_STEP_NS ? EDGEACC_DUPLICATE : first(signal, t_ns, x, EDGEACC_CLOCK);
    }
    const uint64_t missing = missing_in(signal, (uint64_t)t_ns - (uint64_t)signal->last_ns);
    if (missing > signal->config.tables->longest_gap) {
        return first(signal, t_ns, x, EDGEACC_GAP);
    }
    if (!fill(signal, t_ns, x, (uint32_t)missing) || !add(signal, t_ns, x, 0) || !rate_is_right(signal, t_ns)) {
        return first(signal, t_ns, x, EDGEACC_RATE);
    }
    keep(signal, t_ns, x);
    return EDGEACC_TAKEN;
}

/* Whether more than half of the window that ends now is one run; with a resampler, of the window and its delay. */
static int is_frozen(const edgeacc_signal *signal, const edgeacc_axis_state *state, uint32_t first_slot)
{
    const uint32_t start = state->long_start > first_slot ? state->long_start : first_slot;
    return state->has_long && state->long_end > start &&
           2u * (state->long_end - start) > signal->config.tables->source_samples;
}

static int is_saturated(const edgeacc_axis_state *state, uint32_t first_slot)
{
    return state->saturated > EDGEACC_MOST_SATURATED &&
           state->saturated_at[state->saturated % (EDGEACC_MOST_SATURATED + 1)] >= first_slot;
}

edgeacc_verdict edgeacc_signal_verdict(const edgeacc_signal *signal)
{
    const edgeacc_tables *tables = signal->config.tables;
    const uint32_t held = tables->source_samples + (tables->sinc_half > 0 ? signal->resampler.capacity : 0u);
    const uint32_t first_slot = signal->seen > held ? signal->seen - held : 0u;
    if (!signal->due) {
        return EDGEACC_NOT_DUE;
    }
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        if (is_saturated(&signal->axes[axis], first_slot) || signal->clipped > 0) {
            return EDGEACC_SATURATED;
        }
    }
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        if (is_frozen(signal, &signal->axes[axis], first_slot)) {
            return EDGEACC_FROZEN;
        }
    }
    const float moved_mg = edgeacc_signal_motion_mg(signal);
    if (moved_mg >= 1000.0f * tables->low_motion_g) {
        return EDGEACC_MOTION;
    }
    return moved_mg < 1000.0f * tables->off_wrist_g ? EDGEACC_OFF_WRIST : EDGEACC_USE;
}

edgeacc_taken edgeacc_signal_push(edgeacc_signal *signal, int64_t t_ns, const float raw[EDGEACC_AXES])
{
    const edgeacc_frame *frame = &signal->config.frame;
    float x[EDGEACC_AXES];
    signal->due = 0;
    for (uint32_t i = 0; i < EDGEACC_AXES; i++) {
        x[i] = (float)frame->sign[i] * raw[frame->from[i]];
        if (!(x[i] >= -1e6f && x[i] <= 1e6f) || t_ns < 0 || t_ns >= LATEST_NS) {
            signal->received += signal->has_last;
            return EDGEACC_MISSING;
        }
    }
    return push(signal, t_ns, x);
}

edgeacc_taken edgeacc_signal_push_raw(edgeacc_signal *signal, int64_t t_ns, const int16_t raw[EDGEACC_AXES])
{
    float x[EDGEACC_AXES];
    for (uint32_t i = 0; i < EDGEACC_AXES; i++) {
        x[i] = (float)raw[i] + (raw[i] == INT16_MIN ? 1e9f : 0.0f); /* a conditional conversion trips GCC 12 on the M55 */
    }
    return edgeacc_signal_push(signal, t_ns, x);
}
