/* A board whose sensor's stream is made up: the application on it under sanitizers, and what it may never do.

   `program FIRST COUNT`: streams of the seeds FIRST to FIRST + COUNT - 1; ends with 0, or with 3 at what may never be. */
#include "app.h"
#include "board.h"
#include "device_simulated.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERRUPTS = 160, WATERMARK = 32, ARENA_BYTES = 1 << 16 };

extern const edgeacc_tables app_tables;

static uint64_t state, seed;
static uint8_t blob[4], arena[ARENA_BYTES];
static uint32_t interrupts, samples, since_boot, used, windows, embeddings, payload;
static int64_t now_ns;
static int headed, fixed;
static int16_t level[3];
static uint32_t mood, stuck;

/* splitmix64 (Steele, Lea, Flood 2014, OOPSLA). */
static uint64_t draw(void)
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t bound) { return (uint32_t)(draw() % bound); }

static int one_in(uint32_t bound) { return below(bound) == 0; }

static void never(const char *what)
{
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, what);
    exit(3);
}

const uint8_t *board_blob(void) { return blob; }

uint8_t *board_arena(uint32_t *bytes)
{
    *bytes = ARENA_BYTES;
    return arena;
}

uint32_t board_stack_bytes(void) { return 0; }

static void make_header(simulated_header *header)
{
    const simulated_header made = {SIMULATED_JOB, sizeof blob, 0.05f, 3, 1.0f / 4096.0f, 8.0f, 64u + below(400), fixed};
    *header = made;
}

static int64_t period_ns(void) { return (int64_t)(1000000000000u / app_tables.source_mhz); }

static void make_interrupt(simulated_interrupt *next)
{
    samples = one_in(20) ? below(2) : one_in(20) ? below(400) : one_in(4) ? below(2 * WATERMARK) : WATERMARK;
    now_ns += (int64_t)samples * period_ns() + (one_in(3) ? (int64_t)below(4000000) - 2000000 : 0);
    if (one_in(60)) {
        now_ns += one_in(2) ? (int64_t)below(3000000) * 1000 : -(int64_t)below(2000000) * 1000;
    }
    if (mood == 1 && one_in(40)) {
        now_ns = (int64_t)draw() / (one_in(2) ? 1 : 4);
    }
    next->t_ns = now_ns;
    next->samples = samples;
    next->flags = one_in(150) ? SIMULATED_BROWN_OUT : one_in(150) ? SIMULATED_BUS_FAULT : one_in(15) ? SIMULATED_TIMER : 0;
    now_ns = now_ns < 0 || now_ns > (int64_t)1 << 62 ? 0 : now_ns;
}

static void make_sample(int16_t xyz[3])
{
    stuck = stuck > 0 ? stuck - 1 : one_in(2000) ? below(300) : 0;
    for (int axis = 0; axis < 3; axis++) {
        const int32_t noise = stuck > 0 ? 0 : (int32_t)below(81) - 40;
        const int32_t x = mood == 2 && one_in(50) ? (int32_t)below(65536) - 32768 : level[axis] + noise;
        xyz[axis] = one_in(mood == 3 ? 30 : 3000) ? INT16_MIN : (int16_t)(x > 32767 ? 32767 : x < -32767 ? -32767 : x);
    }
    since_boot++;
}

int board_read(void *to, uint32_t bytes)
{
    if (!headed && bytes == sizeof(simulated_header)) {
        headed = 1;
        make_header(to);
        return 1;
    }
    if (samples > 0 && bytes == 3 * sizeof(int16_t)) {
        samples--;
        make_sample(to);
        return 1;
    }
    if (bytes != sizeof(simulated_interrupt) || interrupts++ == INTERRUPTS) {
        return 0;
    }
    make_interrupt(to);
    return 1;
}

/* An embedding comes behind a window that may be used, and no sooner than a window's samples came since the start. */
static void check(const app_record *record)
{
    if (record->kind == APP_BOOT) {
        since_boot = 0;
    }
    if (record->kind == APP_EMBEDDING) {
        if (!used) {
            never("an embedding without a usable window");
        }
        if (since_boot * 10u < app_tables.source_samples * 9u) {
            never("an embedding of samples from before a reset");
        }
        embeddings++;
        payload = record->bytes;
    }
    windows += record->kind == APP_WINDOW;
    used = record->kind == APP_WINDOW && record->value == EDGEACC_USE;
    if (record->kind == APP_REFUSED || record->kind > APP_END || record->value > 1u << 20) {
        never("a record that makes no sense");
    }
}

int board_write(const void *from, uint32_t bytes)
{
    if (payload > 0) {
        if (bytes != payload) {
            never("an embedding of another size than was said");
        }
        payload = 0;
        return 1;
    }
    app_record record;
    if (bytes != sizeof record) {
        never("no record");
    }
    memcpy(&record, from, sizeof record);
    check(&record);
    return 1;
}

static void one_stream(void)
{
    const uint32_t input_bytes = 3u * app_tables.samples;
    state = seed;
    mood = below(5);
    fixed = one_in(3) ? -1 : (int)below(4);
    interrupts = samples = since_boot = used = payload = stuck = 0;
    now_ns = (int64_t)below(1000000000);
    headed = 0;
    for (int axis = 0; axis < 3; axis++) {
        level[axis] = (int16_t)((int32_t)below(8193) - 4096);
    }
    memcpy(blob, &input_bytes, sizeof blob);
    if (harness_run() != HARNESS_OK) {
        never("the application did not end well");
    }
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], 0, 10) : 0, count = argc > 2 ? strtoull(argv[2], 0, 10) : 100;
    for (seed = first; seed < first + count; seed++) {
        one_stream();
    }
    printf("%llu streams, %u windows, %u embeddings\n", (unsigned long long)count, windows, embeddings);
    return 0;
}
