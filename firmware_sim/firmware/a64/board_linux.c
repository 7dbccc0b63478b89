/* The harness as a static program of Linux on A64, without a C library: `blob.bin` and `job.bin` in, `result.bin` out, all of
   the working folder. System calls by number ("Linux kernel, include/uapi/asm-generic/unistd.h"). */
#include "board.h"
#include "harness.h"

enum { OPENAT = 56, CLOSE = 57, READ = 63, WRITE = 64, EXIT = 93 };
enum { HERE = -100, READ_ONLY = 0, CREATE_TO_WRITE = 01 | 0100 | 01000, OWNER_ONLY = 0600 };
enum { BLOB_BYTES = 1 << 26, ARENA_BYTES = 1 << 26 };

void start(void);

static uint8_t blob[BLOB_BYTES] __attribute__((aligned(16)));
static uint8_t arena[ARENA_BYTES] __attribute__((aligned(16)));
static long job, result;

static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm("x8") = number;
    register long x0 __asm("x0") = a;
    register long x1 __asm("x1") = b;
    register long x2 __asm("x2") = c;
    register long x3 __asm("x3") = d;
    __asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

static long opened(const char *name, long flags) { return call(OPENAT, HERE, (long)name, flags, OWNER_ONLY); }

const uint8_t *board_blob(void) { return blob; }

uint8_t *board_arena(uint32_t *bytes)
{
    *bytes = ARENA_BYTES;
    return arena;
}

int board_read(void *to, uint32_t bytes)
{
    uint8_t *at = to;
    while (bytes > 0) {
        const long moved = call(READ, job, (long)at, (long)bytes, 0);
        if (moved <= 0) {
            return 0;
        }
        at += moved;
        bytes -= (uint32_t)moved;
    }
    return 1;
}

int board_write(const void *from, uint32_t bytes) { return call(WRITE, result, (long)from, (long)bytes, 0) == (long)bytes; }

uint32_t board_stack_bytes(void) { return 0; }

void start(void)
{
    const long file = opened("blob.bin", READ_ONLY);
    long bytes = 0, moved = 0;
    while (bytes < BLOB_BYTES && (moved = call(READ, file, (long)(blob + bytes), BLOB_BYTES - bytes, 0)) > 0) {
        bytes += moved;
    }
    call(CLOSE, file, 0, 0, 0);
    job = opened("job.bin", READ_ONLY);
    result = opened("result.bin", CREATE_TO_WRITE);
    const int code = file < 0 || moved < 0 || job < 0 || result < 0 ? HARNESS_NO_JOB : harness_run();
    call(CLOSE, result, 0, 0, 0);
    call(EXIT, code, 0, 0, 0);
}

__asm(".global _start\n_start:\n\tmov x29, #0\n\tbl start\n");
