#include "fifo.h"

#include "device.h"

/* The core refuses a rate 5 % off. One of 32 samples lost is 31 per mille; an interrupt served 5 ms late behind 32
   samples at 64 Hz is 10. Our choices. */
enum { POSSIBLE_PER_MILLE = 60, USUAL_PER_MILLE = 15, REMEMBERED = 8 };

#define LATEST_NS ((int64_t)1 << 62)

void fifo_open(fifo *f, uint32_t period_ns)
{
    f->period_ns = (int64_t)period_ns;
    f->learned_ns = f->period_ns;
    f->batches = 0;
    f->last_ns = 0;
    f->has_last = 0;
}

static int within(int64_t x, int64_t about, int64_t per_mille)
{
    const int64_t off = about * per_mille / 1000;
    return x > about - off && x < about + off;
}

/* How far apart samples lie: measured, unless it is so far from what was learned that samples must be missing. */
static int64_t spacing_ns(fifo *f, int64_t now_ns, uint32_t count)
{
    if (!f->has_last || count == 0) {
        return f->learned_ns;
    }
    const int64_t measured_ns = (now_ns - f->last_ns) / (int64_t)count;
    if (!within(measured_ns, f->period_ns, POSSIBLE_PER_MILLE)) {
        return f->learned_ns;
    }
    f->learned_ns += (measured_ns - f->learned_ns) / (f->batches < REMEMBERED ? f->batches + 1 : REMEMBERED);
    f->batches += f->batches < REMEMBERED;
    return f->batches < REMEMBERED || within(measured_ns, f->learned_ns, USUAL_PER_MILLE) ? measured_ns : f->learned_ns;
}

static int drop(uint32_t count)
{
    int16_t xyz[3];
    for (; count > 0; count--) {
        if (!device_fifo_read(xyz)) {
            return 0;
        }
    }
    return 1;
}

fifo_status fifo_drain(fifo *f, int64_t now_ns, fifo_taker *take, void *context, uint32_t *taken)
{
    int overrun;
    const int32_t told = device_fifo_count(&overrun);
    const uint32_t count = (uint32_t)told;
    int16_t xyz[3];
    *taken = 0;
    if (told < 0 || told > DEVICE_FIFO_SAMPLES || now_ns < 0 || now_ns >= LATEST_NS) {
        return FIFO_BUS;
    }
    if (overrun) {
        f->has_last = 0;
        return drop(count) ? FIFO_OVERRUN : FIFO_BUS;
    }
    const int64_t apart_ns = spacing_ns(f, now_ns, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!device_fifo_read(xyz)) {
            f->has_last = 0;
            return FIFO_BUS;
        }
        take(context, now_ns - (int64_t)(count - 1u - i) * apart_ns, xyz);
        (*taken)++;
    }
    if (count > 0) {
        f->last_ns = now_ns;
        f->has_last = 1;
    }
    return FIFO_READ;
}
